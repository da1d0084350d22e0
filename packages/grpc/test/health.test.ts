import { type ClientReadableStream, makeClientConstructor, type ServiceError, status } from "@grpc/grpc-js";
import { eventually } from "@weftmesh/testkit";
import * as oracle from "grpc-health-check";
import { afterEach, describe, expect, it } from "vitest";
import { HealthService, healthFile, serviceDefinition, serviceOf } from "../src/index.ts";
import { listening, plain } from "./support/listening.ts";

/** The messages of another implementation, read off the protocol's own file. */
const Client = makeClientConstructor(oracle.service, "Health");
type HealthClient = InstanceType<typeof Client>;

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

async function served(health: HealthService): Promise<HealthClient> {
  const { server, target } = await listening((each) => health.addTo(each));
  open.push(() => server.forceShutdown());
  const client = new Client(target, plain);
  open.push(() => client.close());
  return client;
}

function ask(client: HealthClient, method: "check" | "list", request: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    client[method]?.(request, (error: ServiceError | null, answer: unknown) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
}

interface Watching {
  readonly heard: string[];
  readonly errors: ServiceError[];
  readonly call: ClientReadableStream<{ status: string }>;
}

function watch(client: HealthClient, service: string): Watching {
  const call: ClientReadableStream<{ status: string }> = client["watch"]?.({ service });
  const watching: Watching = { heard: [], errors: [], call };
  call.on("data", (each: { status: string }) => watching.heard.push(each.status));
  call.on("error", (error: ServiceError) => watching.errors.push(error));
  return watching;
}

describe("the health service", () => {
  it("says of the server, and of each service, what was set", async () => {
    const health = new HealthService();
    health.set("web.Store", "NOT_SERVING");
    const client = await served(health);
    expect(await ask(client, "check", {})).toEqual({ status: "SERVING" });
    expect(await ask(client, "check", { service: "web.Store" })).toEqual({ status: "NOT_SERVING" });
    health.set("web.Store", "SERVING");
    expect(await ask(client, "check", { service: "web.Store" })).toEqual({ status: "SERVING" });
    health.set("", "UNKNOWN");
    expect(await ask(client, "check", { service: "" })).toEqual({ status: "UNKNOWN" });
  });

  it("answers NOT_FOUND for a service that it does not know", async () => {
    const health = new HealthService();
    health.set("gone", "SERVING");
    health.remove("gone");
    const client = await served(health);
    for (const service of ["gone", "never", "__proto__", "constructor"]) {
      await expect(ask(client, "check", { service })).rejects.toMatchObject({ code: status.NOT_FOUND });
    }
  });

  it("lists all services, up to a hundred", async () => {
    const health = new HealthService();
    health.set("a", "NOT_SERVING");
    const client = await served(health);
    expect(await ask(client, "list", {})).toEqual({
      statuses: { "": { status: "SERVING" }, a: { status: "NOT_SERVING" } },
    });
    for (let i = 0; i < 98; i++) health.set(`s${i}`, "SERVING");
    expect(Object.keys(((await ask(client, "list", {})) as { statuses: object }).statuses)).toHaveLength(100);
    health.set("one too many", "SERVING");
    await expect(ask(client, "list", {})).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it("tells a watcher the status at once and each change after it, and nothing that is no change", async () => {
    const health = new HealthService();
    const client = await served(health);
    const { heard, call } = watch(client, "later");
    await eventually("it hears that the service is unknown", () => heard.length === 1);
    health.set("later", "NOT_SERVING");
    await eventually("it hears of the service", () => heard.length === 2);
    health.set("later", "NOT_SERVING");
    health.set("another", "SERVING");
    health.set("later", "SERVING");
    await eventually("it hears of the change", () => heard.length === 3);
    health.remove("later");
    await eventually("it hears that it is gone", () => heard.length === 4);
    expect(heard).toEqual(["SERVICE_UNKNOWN", "NOT_SERVING", "SERVING", "SERVICE_UNKNOWN"]);
    call.cancel();
    await eventually("nobody watches", () => health.watching === 0);
  });

  it("forgets watchers whose connection is lost", async () => {
    const health = new HealthService();
    const client = await served(health);
    const { heard } = watch(client, "");
    await eventually("it watches", () => heard.length === 1 && health.watching === 1);
    client.close();
    open.splice(0)[0]?.();
    await eventually("nobody watches", () => health.watching === 0);
  });

  it("tells everybody that it stops, whatever is set after that", async () => {
    const health = new HealthService();
    health.set("web", "SERVING");
    const client = await served(health);
    const { heard } = watch(client, "web");
    await eventually("it watches", () => heard.length === 1);
    health.shutdown();
    health.set("web", "SERVING");
    health.set("new", "SERVING");
    await eventually("it hears of the stop", () => heard.length === 2);
    expect(heard).toEqual(["SERVING", "NOT_SERVING"]);
    expect(await ask(client, "check", { service: "new" })).toEqual({ status: "NOT_SERVING" });
    expect(await ask(client, "check", {})).toEqual({ status: "NOT_SERVING" });
  });

  it("refuses more watchers than it may have", async () => {
    const health = new HealthService({ maxWatchers: 2 });
    const client = await served(health);
    const [one, two] = [watch(client, ""), watch(client, "")];
    await eventually("both watch", () => one.heard.length === 1 && two.heard.length === 1);
    const three = watch(client, "");
    await eventually("the third is refused", () => three.errors.length === 1);
    expect(three.errors[0]?.code).toBe(status.RESOURCE_EXHAUSTED);
    one.call.cancel();
    await eventually("one has left", () => health.watching === 1);
    const four = watch(client, "");
    await eventually("another may come", () => four.heard.length === 1);
    expect(() => new HealthService({ maxWatchers: 0 })).toThrow(RangeError);
  });

  it("keeps one status for a watcher that does not read, however many changes there are", async () => {
    const health = new HealthService();
    const client = await served(health);
    const call: ClientReadableStream<{ status: string }> = client["watch"]?.({ service: "" });
    call.on("error", () => {});
    await eventually("it watches", () => health.watching === 1);
    for (let i = 0; i < 100_000; i++) health.set("", i % 2 === 0 ? "NOT_SERVING" : "SERVING");
    health.set("", "UNKNOWN");
    const heard: string[] = [];
    call.on("data", (each: { status: string }) => heard.push(each.status));
    await eventually("it hears the latest", () => heard.at(-1) === "UNKNOWN");
    expect(heard.length).toBeLessThan(1000);
  });

  it("has a definition that its own clients can use", async () => {
    const Own = makeClientConstructor(serviceDefinition(serviceOf(healthFile, "Health")), "Health");
    const { server, target } = await listening((each) => new HealthService().addTo(each));
    open.push(() => server.forceShutdown());
    const client = new Own(target, plain);
    open.push(() => client.close());
    const answer = await new Promise((resolve) =>
      client["check"]?.({ service: "" }, (_error: unknown, each: unknown) => resolve(each)),
    );
    expect(answer).toMatchObject({ status: 1 });
  });
});
