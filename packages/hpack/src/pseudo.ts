/** The ids of pseudo-headers; all of them are below 0, as is `unknown`, that of a name which begins with a colon. */
export const Pseudo: {
  readonly authority: -1;
  readonly method: -2;
  readonly path: -3;
  readonly scheme: -4;
  readonly status: -5;
  readonly protocol: -6;
  readonly unknown: -7;
} = { authority: -1, method: -2, path: -3, scheme: -4, status: -5, protocol: -6, unknown: -7 };
