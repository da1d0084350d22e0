import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { openFiles } from "../src/listening-ports.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";
import { until } from "../src/until.ts";

const dir = new TempDir();
let backend: Backend;
let proxy: RunningProxy;

const file = (name: string): string => join(dir.path, name);

function lines(name: string): readonly string[] {
  return existsSync(file(name)) ? readFileSync(file(name), "latin1").split("\n").slice(0, -1) : [];
}

async function lineCount(name: string, count: number): Promise<readonly string[]> {
  await until(() => lines(name).length >= count, `${count} lines in ${name}`);
  return lines(name);
}

beforeAll(async () => {
  backend = await Backend.start((req, res) => {
    if (req.url === "/flaky" && backend.received.filter(({ url }) => url === "/flaky").length === 1)
      res.statusCode = 500;
    res.setHeader("content-length", "2");
    res.end("ok");
  });
  const common = `dtab: /svc/* => /$/inet/127.1/${backend.port} ; /svc/nobody => !`;
  proxy = await RunningProxy.start(`
admin: { port: 0 }
routers:
- protocol: http
  ${common}
  httpAccessLog: ${file("logs/a.log")}
  service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }
  servers: [{ port: 0, ip: 127.0.0.1 }]
- protocol: http
  label: other
  ${common}
  httpAccessLog: ${file("b.log")}
  httpAccessLogFormat: json
  servers: [{ port: 0, ip: 127.0.0.2 }]
- protocol: http
  label: sized
  ${common}
  httpAccessLog: ${file("sized.log")}
  httpAccessLogRollPolicy: 1.kilobyte
  httpAccessLogRotateCount: 2
  servers: [{ port: 0, ip: 127.0.0.3 }]
- protocol: http
  label: hup
  ${common}
  httpAccessLog: ${file("hup.log")}
  httpAccessLogRollPolicy: sighup
  servers: [{ port: 0, ip: 127.0.0.4 }]
- protocol: http
  label: full
  ${common}
  httpAccessLog: /dev/full
  servers: [{ port: 0, ip: 127.0.0.5 }]
`);
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
  dir.remove();
});

describe("an access log", () => {
  it("has Linkerd's line for each answered attempt, and none for what was answered by the proxy", async () => {
    const headers = { referer: "http://there/", "user-agent": 'say "hi"' };
    expect((await ask({ to: proxy.at(), host: "web:80", path: "/a?b=c", headers })).status).toBe(200);
    expect((await ask({ to: proxy.at(), host: "nobody" })).status).toBe(502);
    expect((await ask({ to: proxy.at(), method: "POST", body: "x" })).status).toBe(200);
    const [first, second] = await lineCount("logs/a.log", 2);
    expect(first).toMatch(
      /^web:80 127\.0\.0\.1 - - \[\d\d\/\d\d\/\d{4}:\d\d:\d\d:\d\d \S+\] "GET \/a\?b=c HTTP\/1\.1" 200 2 "http:\/\/there\/" "say \\"hi\\""$/,
    );
    expect(second).toMatch(/^web 127\.0\.0\.1 - - \[[^\]]+\] "POST \/ HTTP\/1\.1" 200 2 "-" "-"$/);
  });

  it("has a line for each attempt of a retry", async () => {
    const before = lines("logs/a.log").length;
    expect((await ask({ to: proxy.at(), path: "/flaky" })).status).toBe(200);
    const added = (await lineCount("logs/a.log", before + 2)).slice(before);
    expect(added.map((line) => / (\d{3}) /.exec(line)?.[1])).toEqual(["500", "200"]);
  });

  it("of each router is its own: logs to correct files", async () => {
    await ask({ to: proxy.at(), path: "/for-a" });
    await ask({ to: proxy.at("other"), path: "/for-b" });
    await until(() => lines("logs/a.log").some((line) => line.includes("/for-a")), "the line of a");
    await until(() => lines("b.log").some((line) => line.includes("/for-b")), "the line of b");
    expect(lines("logs/a.log").some((line) => line.includes("/for-b"))).toBe(false);
    expect(lines("b.log").some((line) => line.includes("/for-a"))).toBe(false);
  });

  it("as JSON says more, an object a line", async () => {
    await ask({ to: proxy.at("other"), path: "/json" });
    await until(() => lines("b.log").some((line) => line.includes('"/json"')), "the line");
    const entry = JSON.parse(lines("b.log").find((line) => line.includes('"/json"')) ?? "");
    expect(entry).toMatchObject({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      router: "other",
      host: "web",
      remoteHost: "127.0.0.1",
      method: "GET",
      uri: "/json",
      version: "1.1",
      status: 200,
      contentLength: "2",
      durationMs: expect.any(Number),
      service: "/svc/web",
      client: `/$/inet/127.1/${backend.port}`,
      traceId: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  it("C25: cannot be forged: whatever a client sends is one line of printable ASCII", async () => {
    const before = { line: lines("logs/a.log").length, json: lines("b.log").length };
    const evil = '" 200 0 "\\"\t\xe2\x80\xae\x85\xff';
    const request = (path: string, value: string) =>
      `GET ${path} HTTP/1.1\r\nHost: web\r\nReferer: ${value}\r\nUser-Agent: ${value}\r\nConnection: close\r\n\r\n`;
    for (const label of ["http", "other"]) {
      const statusOf = async (bytes: string) => (await sendRaw(proxy.at(label), bytes)).slice(9, 12);
      // What the codec refuses is not logged; what it lets through must not reach a terminal as it is.
      expect(await statusOf(request("/x", `\x1b[31m${evil}`))).toBe("400");
      expect(await statusOf(request("/\xe2\x80\xae", "a"))).toBe("400");
      expect(await statusOf(request('/"\\', evil))).toBe("200");
      await ask({ to: proxy.at(label), path: "/last" });
    }
    await until(() => lines("logs/a.log").some((line) => line.includes("/last")), "the last line");
    await until(() => lines("b.log").some((line) => line.includes("/last")), "the last line");
    const added = [...lines("logs/a.log").slice(before.line), ...lines("b.log").slice(before.json)];
    for (const line of added) expect(line).toMatch(/^[\x20-\x7e]+$/);
    const objects = lines("b.log")
      .slice(before.json)
      .map((line) => JSON.parse(line) as { uri: string });
    expect(objects.map(({ uri }) => uri)).toEqual(['/"\\', "/last"]);
    const quoted = added.filter((line) => line.includes("\\xe2\\x80\\xae"));
    expect(quoted).toHaveLength(1);
    for (const line of quoted) expect(line.match(/(?<!\\)(?:\\\\)*"/g)).toHaveLength(6);
  });

  it("begins a new file at its size, keeps as many as it is to, and loses no line of those", async () => {
    for (let i = 0; i < 60; i++) await ask({ to: proxy.at("sized"), path: `/${i}` });
    await until(() => lines("sized.log").some((line) => line.includes("/59 ")), "the last line");
    const rolled = (): readonly string[] =>
      readdirSync(dir.path)
        .filter((name) => /^sized-/.test(name))
        .sort();
    await until(() => rolled().length === 2, "two files");
    for (const name of rolled()) {
      expect(name).toMatch(/^sized-\d{8}-\d{6}(-\d+)?\.log$/);
      expect(readFileSync(file(name)).length).toBeLessThanOrEqual(1024);
    }
    const paths = [...rolled(), "sized.log"]
      .flatMap((name) => lines(name))
      .map((line) => Number(/GET \/(\d+)/.exec(line)?.[1]));
    const sorted = [...paths].sort((a, b) => a - b);
    expect(sorted).toEqual(Array.from(sorted, (_, i) => 60 - sorted.length + i));
  });

  it("is opened anew on SIGHUP, and when its file was moved away", async () => {
    await ask({ to: proxy.at("hup"), path: "/before" });
    await lineCount("hup.log", 1);
    renameSync(file("hup.log"), file("hup.log.1"));
    proxy.program.child.kill("SIGHUP");
    await until(() => existsSync(file("hup.log")), "the new file");
    await ask({ to: proxy.at("hup"), path: "/after" });
    expect((await lineCount("hup.log", 1))[0]).toContain("/after");
    expect(lines("hup.log.1")).toHaveLength(1);
    // Without a signal a file that was moved away is missed within a second or so of traffic.
    renameSync(file("b.log"), file("b.log.1"));
    await until(async () => {
      await ask({ to: proxy.at("other"), path: "/moved" });
      return existsSync(file("b.log"));
    }, "the file that was moved away");
  });

  it("F16: that finds the disk full costs no request, is counted and told of once", async () => {
    const files = openFiles(proxy.program.pid);
    for (let i = 0; i < 50; i++) expect((await ask({ to: proxy.at("full") })).status).toBe(200);
    await until(async () => ((await proxy.metrics())["rt/full/access_log/errors"] ?? 0) >= 2, "errors to be counted");
    expect((await ask({ to: proxy.at("full") })).status).toBe(200);
    expect((await proxy.metrics())["rt/full/access_log/lines"]).toBe(0);
    expect(proxy.program.output.match(/access log \/dev\/full: ENOSPC/g)).toHaveLength(1);
    await until(() => openFiles(proxy.program.pid) <= files + 2, "descriptors");
    expect((await ask({ to: proxy.at() })).status).toBe(200);
  });
});

describe("an access log at the start and the end of the process", () => {
  const config = (path: string, more = ""): string => `
admin: { port: 0 }
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  httpAccessLog: ${path}
  ${more}
  servers: [{ port: 0 }]
`;

  it("keeps the router from starting when it cannot be opened, and says why", async () => {
    writeFileSync(file("no-folder"), "");
    await expect(RunningProxy.start(config(file("no-folder/x.log")))).rejects.toThrow(
      /access log .*no-folder\/x\.log cannot be opened/,
    );
  });

  it("is written to its end, and goes on with the file that is there unless it is told not to", async () => {
    for (const [more, kept] of [
      ["", true],
      ["httpAccessLogAppend: false", false],
    ] as const) {
      writeFileSync(file("end.log"), "from before\n");
      const own = await RunningProxy.start(config(file("end.log"), more));
      await Promise.all(Array.from({ length: 20 }, () => ask({ to: own.at() })));
      expect(await own.stop()).toBe(0);
      expect(lines("end.log")).toHaveLength(kept ? 21 : 20);
    }
  });
});
