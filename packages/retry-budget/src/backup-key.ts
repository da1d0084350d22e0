import { type CtxKey, ctxKey } from "@weftmesh/core";

/**
 * True in the ctx of a backup request. Its original has paid into the budgets of the service already, and one call
 * pays once.
 */
export const BackupKey: CtxKey<boolean> = ctxKey("backup", false);
