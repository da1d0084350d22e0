export { ClassifierParam, ClassifierRole, classifier, TrustRetryableParam } from "./classifier.ts";
export { HttpClassifier, type HttpClassifierOptions, mayPass, retryableMethods } from "./http-classifier.ts";
