import { afterEach, expect, test } from "vitest";
import { chooseLanguage } from "./language.svelte";
import { capital, fold, small } from "./letters";

afterEach(() => chooseLanguage("en"));

test("folding keeps every index", () => {
  for (const text of ["İstanbul ẞ ﬁ", "Ёлка\u00a0и\tель"]) expect(fold(text)).toHaveLength(text.length);
});

test("a name is found as people type it on any keyboard", () => {
  for (const typed of ["ilqar", "İlqar", "ILQAR", "ılqar"]) expect(fold("İlqar"), typed).toBe(fold(typed));
  expect(fold("Семён")).toBe(fold("СЕМЕН"));
});

test("Azerbaijani has its own capitals", () => {
  chooseLanguage("az");
  expect([capital("iyun 2026"), small("İMTAHAN"), small("CIDIR"), capital("")]).toEqual(["İyun 2026", "imtahan", "cıdır", ""]);
  chooseLanguage("en");
  expect([capital("july 2026"), small("IN")]).toEqual(["July 2026", "in"]);
});
