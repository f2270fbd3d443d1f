/**
 * The components that every screen is built of. Import them from here: `import { Button, Loadable } from "$shared/ui"`.
 *
 * How to make a screen
 *   1. Call the app:  `const course = live("course", () => ({ id }), ["courses", "topics"])`
 *                     (`$shared/desktop/live.svelte`: four states, calls again when one of the tables changed, keeps the
 *                     old answer meanwhile; `{ empty: (a) => …, keep: true }`). Commands: `call("mark_topic", {…})` from
 *                     `$shared/desktop/desktop`, typed by the app; a refusal rejects with `Refused`, `problemOf(thrown)` gives
 *                     the Problem. If a command answers with the same view: `course.set(answer)`. Other events:
 *                     `onEvent(handler)`. Nothing else imports @tauri-apps.
 *   2. Frame:         `<Page title crumbs={[{ label, route }]} flush?>` — the header's text, document title, scrolling.
 *   3. Four states:   `<Loadable of={course}>{#snippet children(course)}…{/snippet}{#snippet empty()}<EmptyState …/>{/snippet}</Loadable>`
 *   4. Messages:      `import { m } from "$messages"`, keys `<feature>_<what>` in `messages/<feature>/{en,ru,az}.json`
 *                     (each feature its folder; a test holds that the three have the same keys, parameters and the plural
 *                     forms of their language; Azerbaijani has none: a plain string with {count}, since not every
 *                     window's Intl has Azerbaijani). `npm run messages` compiles them, `npm run dev|build|check` do by
 *                     themselves. A key made at run time: `wordOf("choice_", name)`; a code's message: `errorWords(code)`
 *                     (`$shared/i18n/words`). Dates, numbers, sizes, durations, alphabetical order: `$shared/i18n/format`.
 *                     They all read the language, so they change with it; call them in the template or in `$derived`.
 *   5. Navigation:    `go({ name: "topic", id })`, `hrefOf(route)` for links, from `$shared/router/router.svelte`.
 *   6. Toasts:        `notify(text, { label: m.shell_undo(), run })` — a toast with undo; `notifyProblem(thrown)`.
 *
 * Structure: `src/features/<feature>/` has controllers (`*.svelte.ts`, state) and components (rendering);
 * `src/views/<Name>View.svelte` puts them on a page. Imports point one way, shared → features → views; a test ensures it.
 * App.svelte shows the view of the route; the shell's header shows `features/sync/SyncChip.svelte`.
 *
 * Look: `src/shared/tokens.css` is the only place with colours and pixels. Tailwind has only those tokens:
 *   backgrounds bg-page bg-side bg-raised bg-sunken bg-hover bg-pressed     lines  border-line border-edge border-control (of controls)
 *   text      text-text text-muted text-faint · sizes text-small text-body text-title text-display
 *   accent    bg-accent text-on-accent text-accent-text bg-accent-soft
 *   meaning   {text,bg}-{good,warn,bad,excused}, -soft backgrounds, -solid for shapes (each with a letter or a shape too)
 *   radius    rounded-small -medium -large -full · shadow-float for floating parts · `figures` tabular figures · `table` tables
 * Controls are 28 or 32 px high, rows 32 to 40, gaps in steps of 4 px, Lucide icons (`@lucide/svelte/icons/<name>`) size-4,
 * `aria-hidden` beside text. Breakpoints are container queries (`@3xl:`): rem, so 200 % zoom is a narrow window.
 * No `style="…"` in markup (the CSP refuses it); `style:width={…}` is fine. Look at it with `npx vite --mode preview`:
 * the fake backend is in ui/dev/, its answers in `dev/fixtures/<feature>.ts`.
 */
export { default as Badge } from "./Badge.svelte";
export { default as Button } from "./Button.svelte";
export { default as Dialog } from "./Dialog.svelte";
export { default as EmptyState } from "./EmptyState.svelte";
export { default as ErrorState } from "./ErrorState.svelte";
export { default as Field } from "./Field.svelte";
export { default as IconButton } from "./IconButton.svelte";
export { default as Loadable } from "./Loadable.svelte";
export { default as Page } from "./Page.svelte";
export { default as Popover } from "./Popover.svelte";
export { default as Progress } from "./Progress.svelte";
export { default as Ring } from "./Ring.svelte";
export { default as Segments } from "./Segments.svelte";
export { default as Select } from "./Select.svelte";
export { default as Spinner } from "./Spinner.svelte";
export { default as SplitView } from "./SplitView.svelte";
export { default as TextArea } from "./TextArea.svelte";
export { default as TextInput } from "./TextInput.svelte";
export { default as Toasts } from "./Toasts.svelte";
export { default as Tooltip } from "./Tooltip.svelte";
export { dismiss, notify, notifyProblem, toasts, type Toast } from "./toasts.svelte";
export { page, setPage, type Crumb } from "./page.svelte";
