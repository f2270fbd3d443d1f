/** Small and capital letters in the languages of the screens, independent of the system's language. */
import { language } from "./language.svelte";

/**
 * Folds letters that are equal for searching: case, `ё`, `İ` and `ı`, kinds of space. Character by character, so that
 * indexes stay valid.
 */
export function fold(text: string): string {
  let folded = "";
  for (const letter of text.split("")) {
    if (letter === "İ" || letter === "ı") folded += "i";
    else if (letter === "ё" || letter === "Ё") folded += "е";
    else if (/\s/.test(letter)) folded += " ";
    else {
      const small = letter.toLowerCase();
      folded += small.length === 1 ? small : letter;
    }
  }
  return folded;
}

/** Capitalizes the first letter: `iyun` is `İyun` in Azerbaijani. */
export function capital(text: string): string {
  const [first = "", ...rest] = text;
  // Not every window's engine has Azerbaijani capitals.
  return (language() === "az" && first === "i" ? "İ" : first.toUpperCase()) + rest.join("");
}

/** Lower-cases: `İ` is `i` and `I` is `ı` in Azerbaijani. */
export function small(text: string): string {
  return (language() === "az" ? text.replaceAll("İ", "i").replaceAll("I", "ı") : text).toLowerCase();
}
