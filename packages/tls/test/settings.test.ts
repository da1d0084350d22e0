import { describe, expect, it } from "vitest";
import { defaultCiphers, opensslCiphers } from "../src/ciphers.ts";
import { TlsSettingError } from "../src/errors.ts";
import { versionRange } from "../src/protocols.ts";

describe("cipher suites", () => {
  it.each([
    ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
    ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
    ["TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256"],
    ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"],
    ["TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"],
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"],
    ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
  ])("%s is %s", (given, cipher) => {
    expect(opensslCiphers([given])).toBe(cipher);
  });

  it.each([
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_NULL_SHA",
    "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
    "TLS_DH_anon_WITH_AES_128_CBC_SHA",
    "AECDH-AES128-SHA",
    "PSK-AES128-GCM-SHA256",
    "TLS_ROT13",
    "ECDHE-RSA-AES128-GCM-SHA256:NULL",
    "",
  ])("E15: %j is refused", (given) => {
    expect(() => opensslCiphers(["ECDHE-RSA-AES128-GCM-SHA256", given])).toThrow(TlsSettingError);
  });

  it("are strong ones where a config says nothing", () => {
    for (const name of opensslCiphers(defaultCiphers).split(":"))
      expect(name).toMatch(/^(TLS_|ECDHE-).*(GCM|POLY1305)/);
  });
});

describe("versions", () => {
  it("are a range", () => {
    expect(versionRange(undefined)).toEqual({ minVersion: "TLSv1.2", maxVersion: "TLSv1.3" });
    expect(versionRange(["TLSv1.2"])).toEqual({ minVersion: "TLSv1.2", maxVersion: "TLSv1.2" });
    expect(versionRange(["TLSv1.3", "TLSv1.2"])).toEqual({ minVersion: "TLSv1.2", maxVersion: "TLSv1.3" });
  });

  it.each([["TLSv1"], ["TLSv1.1"], ["SSLv3"], [""], []])("E15: %j is refused", (...names) => {
    expect(() => versionRange(names)).toThrow(TlsSettingError);
  });
});
