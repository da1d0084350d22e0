import { type AdminEndpoint, json, status } from "./endpoint.ts";

/** What came of reading the config again. */
export type ReloadAnswer =
  | { readonly kind: "reloaded"; readonly report: unknown }
  /** Nothing has changed. `needsRestart` says that the config itself is good. */
  | { readonly kind: "refused"; readonly message: string; readonly needsRestart: boolean };

/** Reads the config again, on POST: 200 with what has changed, 400 with its mistakes, 409 for what needs a restart. */
export function reloadEndpoint(reload: () => Promise<ReloadAnswer>): AdminEndpoint {
  return {
    path: "/admin/reload",
    methods: ["POST"],
    handle: async () => {
      const answer = await reload();
      if (answer.kind === "reloaded") return json(answer.report);
      return status(answer.needsRestart ? 409 : 400, `${answer.message}\n`);
    },
  };
}
