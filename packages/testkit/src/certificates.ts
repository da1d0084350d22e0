// biome-ignore-all lint/style/noRestrictedGlobals: certificates are of the calendar that TLS itself looks at
import "reflect-metadata";
import { type webcrypto, X509Certificate } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate with its key, both PEM; the key is PKCS#8. */
export interface MadeCertificate {
  readonly cert: string;
  readonly key: string;
  /** SHA-256 in hex digits of upper case. */
  readonly sha256: string;
}

export interface CertificateOptions {
  /** The whole subject, as `CN=web, O=Shop`; without it `CN=` and the first of `dns`. */
  readonly subject?: string;
  readonly dns?: readonly string[];
  readonly uris?: readonly string[];
  readonly ips?: readonly string[];
  /** Alternative names in this order, in place of those above. */
  readonly names?: readonly JsonGeneralName[];
  /** An hour ago when not given. */
  readonly from?: Date;
  /** Tomorrow when not given. */
  readonly to?: Date;
  /** P-256 when not given. */
  readonly key?: "P-256" | "RSA-2048";
}

const hourMs = 3_600_000;
const algorithms = {
  "P-256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  "RSA-2048": {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  },
} as const;

let serial = 1;

/**
 * An authority that lives for a test, and signs what the test asks for: no certificate is kept anywhere.
 *
 * Cost: about 1 ms for a certificate, 100 ms for one with an RSA key.
 */
export class CertificateAuthority {
  /** Its own certificate, to be trusted. */
  readonly cert: string;
  readonly #subject: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #algorithm: (typeof algorithms)[keyof typeof algorithms];

  private constructor(
    cert: string,
    subject: string,
    keys: webcrypto.CryptoKeyPair,
    algorithm: (typeof algorithms)[keyof typeof algorithms],
  ) {
    this.cert = cert;
    this.#subject = subject;
    this.#keys = keys;
    this.#algorithm = algorithm;
  }

  /** A root. */
  static async create(
    name = "Test CA",
    options: Pick<CertificateOptions, "from" | "to" | "key"> = {},
  ): Promise<CertificateAuthority> {
    const algorithm = algorithms[options.key ?? "P-256"];
    const keys = await newKeys(algorithm);
    const subject = `CN=${name}`;
    const cert = await sign(
      subject,
      subject,
      keys.publicKey,
      keys,
      algorithm,
      options,
      await authorityExtensions(keys),
    );
    return new CertificateAuthority(cert, subject, keys, algorithm);
  }

  /** An authority below this one. */
  async intermediate(
    name: string,
    options: Pick<CertificateOptions, "from" | "to"> = {},
  ): Promise<CertificateAuthority> {
    const algorithm = algorithms["P-256"];
    const keys = await newKeys(algorithm);
    const subject = `CN=${name}`;
    const extensions = [...(await authorityExtensions(keys)), await this.#signedBy()];
    const cert = await sign(subject, this.#subject, keys.publicKey, this.#keys, this.#algorithm, options, extensions);
    return new CertificateAuthority(cert, subject, keys, algorithm);
  }

  async issue(options: CertificateOptions = {}): Promise<MadeCertificate> {
    const { dns = [], uris = [], ips = [] } = options;
    const keys = await newKeys(algorithms[options.key ?? "P-256"]);
    const subject = options.subject ?? `CN=${dns[0] ?? "nobody"}`;
    const names = options.names ?? [
      ...dns.map((value): JsonGeneralName => ({ type: "dns", value })),
      ...uris.map((value): JsonGeneralName => ({ type: "url", value })),
      ...ips.map((value): JsonGeneralName => ({ type: "ip", value })),
    ];
    const extensions: Extension[] = [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      await this.#signedBy(),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])]),
    ];
    const cert = await sign(subject, this.#subject, keys.publicKey, this.#keys, this.#algorithm, options, extensions);
    const sha256 = new X509Certificate(cert).fingerprint256.replaceAll(":", "");
    return { cert, key: await pemOf(keys), sha256 };
  }

  #signedBy(): Promise<AuthorityKeyIdentifierExtension> {
    return AuthorityKeyIdentifierExtension.create(this.#keys.publicKey);
  }
}

async function newKeys(algorithm: (typeof algorithms)[keyof typeof algorithms]): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

async function authorityExtensions(keys: webcrypto.CryptoKeyPair): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
  ];
}

async function sign(
  subject: string,
  issuer: string,
  publicKey: webcrypto.CryptoKey,
  signer: webcrypto.CryptoKeyPair,
  signingAlgorithm: (typeof algorithms)[keyof typeof algorithms],
  { from, to }: Pick<CertificateOptions, "from" | "to">,
  extensions: readonly Extension[],
): Promise<string> {
  const now = Date.now();
  const made = await X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16).padStart(8, "0"),
    subject,
    issuer,
    notBefore: from ?? new Date(now - hourMs),
    notAfter: to ?? new Date(now + 24 * hourMs),
    signingAlgorithm,
    publicKey,
    signingKey: signer.privateKey,
    extensions: [...extensions],
  });
  return `${made.toString("pem")}\n`;
}

async function pemOf(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY")}\n`;
}
