/** Random ids. */

/** Make an id of 128 random bits, also where the page is served over plain HTTP and `crypto.randomUUID` is missing. */
export const randomId = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
