// Particulars and states of stations in people's words; what is not known is shown as it is written.

import { formatDate } from "$shared/i18n/format";
import { hasWord, wordFor } from "$shared/i18n/words";

/** A particular's name: a word of ours (`serial_number`) is translated, what a person wrote stays. */
export function particularWords(name: string): string {
  const key = `station_particular_${name}`;
  if (hasWord(key)) return wordFor(key);
  const words = /^[a-z0-9_]+$/.test(name) ? name.replaceAll("_", " ") : name;
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}

export function statusWords(status: string): string {
  const key = `station_status_${status}`;
  return hasWord(key) ? wordFor(key) : particularWords(status);
}

export function particularValue(value: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(value) ? formatDate(value) : value;
}
