import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { COMPOSED } from "./words";
import {
  CODES,
  PARTICULAR_NAMES,
  RECORD_CHOICES,
  RECORD_COLUMNS,
  RECORD_TABLES,
  SHOWN_CHOICES,
  SHOWN_COLUMNS,
  SHOWN_ENTITIES,
  STATION_STATES,
} from "../desktop/generated";

const folder = join(import.meta.dirname, "../../../messages");
const features = readdirSync(folder);
const languages = ["en", "ru", "az"] as const;

type Forms = { declarations: string[]; selectors: string[]; match: Record<string, string> };
type Message = string | [Forms];

function read(feature: string, language: string): Record<string, Message> {
  const { $schema: _, ...messages } = JSON.parse(readFileSync(join(folder, feature, `${language}.json`), "utf8"));
  return messages;
}

const all = (language: string) => Object.assign({}, ...features.map((feature) => read(feature, language))) as Record<string, Message>;
const texts = (message: Message) => (typeof message === "string" ? [message] : Object.values(message[0].match));
const parameters = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);

describe.each(features)("messages of %s", (feature) => {
  const [en, ru, az] = languages.map((language) => read(feature, language));

  test("the three languages have the same keys", () => {
    expect(Object.keys(ru).sort()).toEqual(Object.keys(en).sort());
    expect(Object.keys(az).sort()).toEqual(Object.keys(en).sort());
  });

  test("no message is empty", () => {
    for (const messages of [en, ru, az]) {
      expect(Object.entries(messages).filter(([, message]) => texts(message).some((text) => text.trim() === ""))).toEqual([]);
    }
  });

  test("a message takes the same parameters in every language", () => {
    const taken = (message: Message) => [...new Set(texts(message).flatMap(parameters))].sort();
    for (const key of Object.keys(en)) {
      expect([key, taken(ru[key])]).toEqual([key, taken(en[key])]);
      expect([key, taken(az[key])]).toEqual([key, taken(en[key])]);
    }
  });

  test("plural messages have every form of their language", () => {
    const needed = { en: ["one", "other"], ru: ["one", "few", "many"], az: [] } as const;
    for (const language of languages) {
      for (const [key, message] of Object.entries(read(feature, language))) {
        if (typeof message === "string" || !message[0].selectors.some((selector) => selector.endsWith("Plural"))) continue;
        // Not every window's Intl has Azerbaijani plurals, and a noun after a number needs none: write a plain string.
        expect(language === "az" ? key : "").toBe("");
        for (const form of needed[language]) {
          expect([language, key, Object.keys(message[0].match).some((match) => match.includes(`=${form}`))]).toEqual([language, key, true]);
        }
      }
    }
  });
});

test("no two features share a key", () => {
  const keys = features.flatMap((feature) => Object.keys(read(feature, "en")));
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
});

test.each(languages)("every code has its words in %s", (language) => {
  const messages = all(language);
  expect(CODES.filter((code) => typeof messages[`error_${code}`] !== "string")).toEqual([]);
});

describe.each([
  ["entity_", SHOWN_ENTITIES],
  ["column_", SHOWN_COLUMNS],
  ["choice_", SHOWN_CHOICES],
  ["entity_", RECORD_TABLES],
  ["entities_", RECORD_TABLES],
  ["column_", RECORD_COLUMNS],
  ["choice_", RECORD_CHOICES],
  ["station_particular_", PARTICULAR_NAMES],
  ["station_status_", STATION_STATES],
] as const)("words of %s…", (prefix, names) => {
  test.each(languages)("are there in %s", (language) => {
    const messages = all(language);
    expect(names.filter((name) => typeof messages[`${prefix}${name}`] !== "string")).toEqual([]);
  });
});

test("there are no messages for removed particulars and states of stations", () => {
  const keys = Object.keys(read("station", "en"));
  const gone = (prefix: string, names: readonly string[]) =>
    keys.filter((key) => key.startsWith(prefix) && !names.includes(key.slice(prefix.length)));
  expect([...gone("station_particular_", PARTICULAR_NAMES), ...gone("station_status_", STATION_STATES)]).toEqual([]);
});

test("there are no messages for removed tables", () => {
  const tables = Object.keys(read("records", "en"))
    .filter((key) => key.startsWith("entities_"))
    .map((key) => key.slice("entities_".length));
  expect(tables.filter((table) => !RECORD_TABLES.includes(table))).toEqual([]);
});

test("there are no messages for removed codes", () => {
  const codes = Object.keys(read("errors", "en")).map((key) => key.replace(/^error_/, ""));
  expect(codes.filter((code) => !(CODES as readonly string[]).includes(code))).toEqual([]);
});

test("Russian and Azerbaijani messages are translated", () => {
  const en = all("en");
  for (const language of ["ru", "az"] as const) {
    const same = Object.entries(all(language)).filter(
      ([key, message]) => typeof message === "string" && message === en[key] && message.split(/\s+/).length > 3,
    );
    expect(same).toEqual([]);
  }
});

describe("messages that nothing shows", () => {
  const src = join(import.meta.dirname, "../..");
  const code = (readdirSync(src, { recursive: true }) as string[])
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /\.(ts|svelte)$/.test(file) && !/^paraglide\/|\.test\.ts$/.test(file))
    .map((file) => readFileSync(join(src, file), "utf8"))
    .join("\n");

  test("there are none", () => {
    const written = new Set([...code.matchAll(/\bm\.(\w+)/g)].map(([, key]) => key));
    const shown = (key: string) => written.has(key) || COMPOSED.some((beginning) => key.startsWith(beginning));
    expect(Object.keys(all("en")).filter((key) => !shown(key))).toEqual([]);
  });

  test("a beginning of composed keys has names, and code that adds them", () => {
    const composed = new Set([...code.matchAll(/(?:wordOf|hasWordOf|known)\(\s*"(\w+_)"/g)].map(([, beginning]) => beginning));
    const keys = Object.keys(all("en"));
    expect(COMPOSED.filter((beginning) => !composed.has(beginning) || !keys.some((key) => key.startsWith(beginning)))).toEqual([]);
  });
});
