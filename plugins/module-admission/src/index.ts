export { type AdaptiveConcurrencyConfig, adaptiveConcurrencyModule } from "./adaptive-concurrency.ts";
export { type LoadSheddingConfig, loadSheddingModule } from "./load-shedding.ts";
export { type NackAdmissionConfig, nackAdmissionModule } from "./nack-admission.ts";
export { type RateConfig, type RateLimitConfig, rateLimitModule } from "./rate-limit.ts";
