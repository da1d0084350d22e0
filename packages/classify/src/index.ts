export { ClassifierParam, ClassifierRole, classifier, TrustRetryableParam } from "./classifier.ts";
export { HttpClassifier, type HttpClassifierOptions, mayPass } from "./http-classifier.ts";
export { type HttpRule, type HttpRuleName, httpRules } from "./http-rules.ts";
