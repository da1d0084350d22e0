export { ClassifierParam, ClassifierRole, classifier, TrustRetryableParam } from "./classifier.ts";
