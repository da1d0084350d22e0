import { ClockParam, type Module, type Param, param, type Role, role } from "@weftmesh/core";
import { headerName } from "@weftmesh/http";
import { type HttpService, httpFilterModule } from "./http-service.ts";

export const TimestampHeaderRole: Role = role("timestampHeader");

/** Header that is given the time of receipt in ms since the epoch; undefined leaves the module out. */
export const TimestampHeaderParam: Param<string | undefined> = param<string | undefined>("timestampHeader", undefined);

export const timestampHeader: Module<HttpService> = httpFilterModule({
  role: TimestampHeaderRole,
  description: "Notes when a request was received in a header of it",
  params: { header: TimestampHeaderParam, clock: ClockParam },
  filter: ({ header, clock }) => {
    if (header === undefined) return undefined;
    const name = headerName(header);
    return (req, ctx, next) => {
      req.headers.set(name, String(clock.epochMs()));
      return next.call(req, ctx);
    };
  },
});
