/** The rooms of the window: permitted imports and contents of files. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const src = import.meta.dirname;
const files = (readdirSync(src, { recursive: true }) as string[])
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => /\.(ts|svelte|css)$/.test(file) && !file.startsWith("paraglide/"))
  .map((file) => ({ file, text: readFileSync(join(src, file), "utf8") }));

const product = files.filter(({ file }) => !file.endsWith(".test.ts"));

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(([, name]) => name);
}

/** The target of an import: a path below src/, or the name of a package. */
function target(file: string, name: string): string {
  if (name.startsWith("$shared")) return name.replace("$shared", "shared");
  if (name.startsWith("$features")) return name.replace("$features", "features");
  if (name === "$messages") return "paraglide/messages.js";
  if (name.startsWith(".")) return relative(src, resolve(src, dirname(file), name)).replaceAll("\\", "/");
  return `package:${name}`;
}

const ROOMS = ["shared", "features", "views"];
const roomOf = (path: string) => ROOMS.indexOf(path.split("/")[0]);

test("imports point one way: shared, features, views", () => {
  const wrong = product.flatMap(({ file, text }) =>
    importsOf(text)
      .map((name) => target(file, name))
      .filter((to) => roomOf(file) >= 0 && (roomOf(to) > roomOf(file) || to.startsWith("App.") || to.startsWith("main")))
      .map((to) => `${file} → ${to}`),
  );
  expect(wrong).toEqual([]);
});

test("only shared/desktop uses the desktop's API", () => {
  const knows = product.filter(({ text }) => importsOf(text).some((name) => name.startsWith("@tauri-apps")));
  expect(knows.map(({ file }) => file)).toEqual(["shared/desktop/desktop.ts"]);
});

test("nothing reaches out of src/, so the made-up backend is never in the product", () => {
  const out = product.flatMap(({ file, text }) =>
    importsOf(text)
      .map((name) => target(file, name))
      .filter((to) => to.startsWith("..")),
  );
  expect(out).toEqual([]);
});

test("nothing is fetched from a network: no addresses in the code", () => {
  const addresses = product.filter(({ text }) => /["'(](https?:)?\/\/[a-z0-9-]+\.[a-z]/i.test(text));
  expect(addresses.map(({ file }) => file)).toEqual([]);
});

test("no style attributes in markup: the content security policy refuses them", () => {
  const styled = product.filter(({ file, text }) => file.endsWith(".svelte") && /\sstyle=["'{]/.test(text));
  expect(styled.map(({ file }) => file)).toEqual([]);
});

test("colours are only in the tokens", () => {
  // Paper is white in the dark theme too, and highlights on paper have the colours of a marker.
  const allowed = ["shared/tokens.css", "features/topic/pdf/PdfPage.svelte", "features/topic/pdf/PdfThumbnails.svelte"];
  const coloured = product.filter(
    ({ file, text }) =>
      /\.(svelte|css)$/.test(file) &&
      !allowed.includes(file) &&
      /#[0-9a-f]{3,8}\b(?![-/\w])|rgba?\(|hsl\(|oklch\(/i.test(text.replace(/\{#\w+/g, "")),
  );
  expect(coloured.map(({ file }) => file)).toEqual([]);
});

test("a file is one concept: at most 320 lines", () => {
  const long = product.filter(({ file, text }) => !file.endsWith("generated.ts") && text.split("\n").length > 320);
  expect(long.map(({ file }) => file)).toEqual([]);
});
