import {
  type Classifier,
  ClassifierKey,
  defaultClassifier,
  filterModule,
  type Module,
  type Param,
  param,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";

export const ClassifierRole: Role = role("classifier");

/** How the answers of a service are judged. By default each is a success, and each failure a failure. */
export const ClassifierParam: Param<Classifier> = param<Classifier>(
  "responseClassifier",
  defaultClassifier,
  (classifier) => classifier.name,
);

/**
 * Whether a peer's word that a request may be sent again is taken (`l5d-retryable` with http). True as in Linkerd 1;
 * set it to false towards backends that are not trusted, which could multiply their own load with it.
 */
export const TrustRetryableParam: Param<boolean> = param<boolean>("trustRetryable", true);

/** Puts the classifier of the service on the call, where retries and metrics find it. Belongs into the path stack. */
export const classifier: <Req, Rep>() => Module<Service<Req, Rep>> = filterModule({
  role: ClassifierRole,
  description: "Says how the answers of the service are judged",
  params: { classifier: ClassifierParam },
  filter:
    ({ classifier: chosen }) =>
    (req, ctx, next) => {
      ctx.set(ClassifierKey, chosen);
      return next.call(req, ctx);
    },
});
