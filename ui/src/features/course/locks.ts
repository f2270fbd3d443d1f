/** What opens a locked topic or test, in words. */
import type { ContentLock } from "$shared/desktop/generated";
import { formatDate, formatList } from "$shared/i18n/format";
import { m } from "$messages";

/** One sentence. A lock of a kind that this window does not know says that its author has to be asked. */
export function lockWords(lock: ContentLock): string {
  const titles = formatList(lock.titles.map((title) => m.course_locked_title({ title })));
  switch (lock.kind) {
    case "payment":
      return m.course_locked_payment();
    case "courses":
      return m.course_locked_courses({ titles });
    case "modules":
      return m.course_locked_modules({ titles });
    case "assessments":
      return m.course_locked_assessments({ titles });
    case "until":
      return m.course_locked_until({ day: formatDate(lock.day ?? "") });
    case "topic":
      return m.course_locked_topic({ titles });
    default:
      return m.course_locked_unreadable();
  }
}
