// Labels of stations' particulars and states; unknown ones are shown as they were written.

import type { Particular } from "$shared/desktop/generated";
import { formatDate, formatFigures, formatNumber } from "$shared/i18n/format";
import { capital, fold } from "$shared/i18n/letters";
import { hasWordOf, wordOf } from "$shared/i18n/words";

/** A particular's name: a known key (`serial_number`) is translated, other text stays. */
export function particularWords(name: string): string {
  if (hasWordOf("station_particular_", name)) return wordOf("station_particular_", name);
  const words = /^[a-z0-9_]+$/.test(name) ? name.replaceAll("_", " ") : name;
  return capital(words);
}

export function statusWords(status: string): string {
  return hasWordOf("station_status_", status) ? wordOf("station_status_", status) : particularWords(status);
}

/** A measure with its number formatted: `60000 l` becomes `60 000 l`. */
export function measure(value: string): string {
  return formatFigures(value.replace(/^\d{5,}(?= |$)/, (digits) => formatNumber(Number(digits))));
}

/** Particulars that are names and not figures. */
const VERBATIM: readonly string[] = ["brand", "code", "contact_phone", "email", "manufacturer", "model", "phone", "serial_number"];

/** A particular's value: states, common kinds and days are formatted, the rest stays as it was written. */
export function particularValue({ name, value }: Particular): string {
  if (name === "status") return statusWords(value);
  const kind = value.replaceAll(" ", "_");
  if ((name === "kind" || name === "supply_type") && hasWordOf("station_kind_", kind)) return wordOf("station_kind_", kind);
  if (/^\d{4}-\d{2}-\d{2}$/.test(value)) return formatDate(value);
  return VERBATIM.includes(name) ? value : formatFigures(value);
}

/** Whether a name says a particular's value already: "Kind: Detection" below "Gas detection" says nothing. */
export function isSaid(one: Particular, name: string): boolean {
  return one.name === "kind" && fold(name).includes(fold(particularValue(one)));
}
