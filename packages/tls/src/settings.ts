/** A certificate with its key, by the paths of their files. */
export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
  readonly intermediateCertsPath?: string | undefined;
}

/** TLS of a listener, as a config says it. */
export interface ServerTlsSettings extends CertificateFiles {
  readonly caCertPath?: string | undefined;
  readonly requireClientAuth: boolean;
  readonly ciphers?: readonly string[] | undefined;
  readonly protocols?: readonly string[] | undefined;
}

/** TLS of the connections to a destination, as a config says it. */
export interface ClientTlsSettings {
  readonly enabled: boolean;
  readonly disableValidation: boolean;
  readonly commonName?: string | undefined;
  readonly trustCertsBundle?: string | undefined;
  readonly trustCerts?: readonly string[] | undefined;
  readonly clientAuth?: CertificateFiles | undefined;
  readonly protocols?: readonly string[] | undefined;
}
