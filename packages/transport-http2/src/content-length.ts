/** No content-length was given. */
export const noLength = -1;
/** What was given is no length. */
export const badLength = -2;

const maxDigits = 15;

/** The length that a `content-length` says; `badLength` for anything but digits. */
export function readLength(value: string): number {
  if (value === "" || value.length > maxDigits) return badLength;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return badLength;
    length = length * 10 + digit;
  }
  return length;
}

/** The length that one more field gives; `badLength` where it is not the one that was given before. */
export function sameLength(before: number, value: string): number {
  const length = readLength(value);
  return before === noLength || before === length ? length : badLength;
}
