/**
 * Texts are readable on their backgrounds, in light and in dark: 4.5 : 1 by WCAG, 3 : 1 for shapes and lines of
 * controls.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const css = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");
const colours = new Map(
  [...css.matchAll(/--color-([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [
    name,
    { light, dark },
  ]),
);

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const grounds = ["page", "side", "raised", "hover", "sunken"];
const words = [
  ...["text", "muted", "accent-text", "good", "warn", "bad", "excused"].flatMap((word) => grounds.map((ground) => [word, ground])),
  ...["page", "side", "raised", "hover"].map((ground) => ["faint", ground]),
  ["text", "pressed"],
  ["muted", "pressed"],
  ["muted", "accent-soft"],
  ["accent-text", "accent-soft"],
  ["good", "good-soft"],
  ["warn", "warn-soft"],
  ["bad", "bad-soft"],
  ["excused", "excused-soft"],
  ["on-accent", "accent"],
  ["on-accent", "accent-hover"],
  ["on-accent", "bad-solid"],
  ["on-accent", "bad-hover"],
] as [string, string][];
const shapes = [
  ...["good-solid", "warn-solid", "bad-solid", "excused-solid", "accent", "focus"].map((shape) => [shape, "page"]),
  ...["page", "raised", "side"].map((ground) => ["control", ground]),
  // The progress of a ring or a bar against its track.
  ["accent-text", "edge"],
  ["accent-text", "pressed"],
  ["good-solid", "pressed"],
  ["faint", "pressed"],
] as [string, string][];

test.each(words)("%s is readable on %s", (word, ground) => {
  for (const look of ["light", "dark"] as const) {
    expect(contrast(colours.get(word)![look], colours.get(ground)![look]), look).toBeGreaterThanOrEqual(4.5);
  }
});

test.each(shapes)("%s stands out on %s", (shape, ground) => {
  for (const look of ["light", "dark"] as const) {
    expect(contrast(colours.get(shape)![look], colours.get(ground)![look]), look).toBeGreaterThanOrEqual(3);
  }
});
