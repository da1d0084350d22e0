import { type FieldSink, Pseudo } from "@weftmesh/hpack";
import { type HeaderField, Headers, Names } from "@weftmesh/http";
import { badLength, noLength, readLength, sameLength } from "./content-length.ts";

const contentLengthId = Names.contentLength.id;

/** Takes the header fields of a response and says whether they make one (RFC 9113 sections 8.2 and 8.3). */
export class ResponseFields implements FieldSink {
  status = 0;
  fields: HeaderField[] = [];
  length: number = noLength;
  fault: string | undefined = undefined;

  begin(): void {
    this.status = 0;
    this.fields = [];
    this.length = noLength;
    this.fault = undefined;
  }

  onField(field: HeaderField): void {
    const { id } = field;
    if (field.malformed !== undefined) this.fault ??= field.malformed;
    else if (id === Pseudo.status) {
      if (this.status !== 0) this.fault ??= ":status is there twice";
      if (this.fields.length > 0) this.fault ??= ":status stands behind a header";
      this.status = readLength(field.value);
    } else if (id < 0) this.fault ??= `${field.name} has no place in a response`;
    else {
      this.fields.push(field);
      if (id !== contentLengthId) return;
      this.length = sameLength(this.length, field.value);
      if (this.length === badLength) this.fault ??= "it has no one content-length";
    }
  }

  finish(): void {
    if (this.status === 0) this.fault ??= "it has no :status";
    else if (this.status < 100) this.fault ??= `:status is ${this.status}`;
    else if (this.status === 101) this.fault ??= "101 has no meaning in HTTP/2";
  }

  get headers(): Headers {
    return Headers.ofFields(this.fields);
  }
}
