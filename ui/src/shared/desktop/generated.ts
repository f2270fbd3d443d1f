// Generated from the Rust types by `cargo xtask generate`. Do not edit.

export type Role = "admin" | "instructor" | "teacher" | "learner" | "parent";

export type RecordTable = { 
/**
 * Its name. Its words are `entity_<name>` and `entities_<name>`.
 */
name: string, 
/**
 * Its section: `people`, `groups`, `courses`, `tests`, `coding`, `money`, `messages`, `stations` or `organization`.
 */
section: string, 
/**
 * The column with the row that each of its rows is a part of, for tables that are listed there alone.
 */
part_of: string | null, 
/**
 * The columns that name a row.
 */
label: Array<string>, 
/**
 * Its columns, in the order of the values of a row.
 */
columns: Array<RecordColumn>, 
/**
 * Whether this person may make rows of it, as far as their role says.
 */
may_insert: boolean, 
/**
 * Whether they may change rows of it, as far as their role says: at least one of the columns.
 */
may_change: boolean, 
/**
 * Whether they may delete rows of it, as far as their role says.
 */
may_delete: boolean, 
/**
 * Its rows on this laptop.
 */
rows: number, 
/**
 * Tables whose rows are parts of its rows or point at them, with the column that does.
 */
related: Array<RelatedTable>, };

export type RecordColumn = { 
/**
 * Its name. Its words are `column_<name>`.
 */
name: string, 
/**
 * What it holds.
 */
kind: RecordKind, 
/**
 * The words of a choice.
 */
choices: Array<string>, 
/**
 * The table whose row an id names; empty when it names none or rows of several tables.
 */
refers_to: string, 
/**
 * Whether it may be empty.
 */
optional: boolean, 
/**
 * Whether a new row has to name it.
 */
needed: boolean, 
/**
 * Whether a person gives it when they make a row.
 */
given: boolean, 
/**
 * Whether a person may change it later.
 */
changeable: boolean, 
/**
 * Characters of text, or bytes of JSON.
 */
length_max: number, 
/**
 * The value of a new row that does not say.
 */
default: unknown, };

export type RecordKind = "reference" | "text" | "long_text" | "choice" | "bool" | "int" | "money" | "float" | "date" | "time" | "moment" | "json";

export type RelatedTable = { 
/**
 * The other table.
 */
table: string, 
/**
 * Its column that holds the row's id.
 */
column: string, 
/**
 * Whether its rows are parts of the row.
 */
is_part: boolean, };

export type Comparison = "is" | "is_not" | "one_of" | "contains" | "starts_with" | "less" | "at_most" | "greater" | "at_least" | "empty" | "filled";

export type Condition = { 
/**
 * The column, or `reference.column` of the row that a reference names.
 */
column: string, 
/**
 * How it is compared.
 */
comparison: Comparison, 
/**
 * With what; a list for `one_of`, nothing for `empty` and `filled`.
 */
value: unknown, };

export type SortBy = { 
/**
 * The column, or `reference.column`. A reference sorts by the label of the row that it names.
 */
column: string, 
/**
 * Whether the largest comes first.
 */
descending: boolean, };

export type RecordsQuery = { 
/**
 * The table.
 */
table: string, 
/**
 * Conditions that must all hold.
 */
filter: Array<Condition>, 
/**
 * The order; by label when there is none.
 */
sort: Array<SortBy>, 
/**
 * Words that must all be found.
 */
search: string, 
/**
 * `next` of the page before.
 */
after: string | null, 
/**
 * Rows wanted, 500 at most.
 */
limit: number, };

export type RecordPage = { 
/**
 * The rows.
 */
rows: Array<RecordRow>, 
/**
 * Where the next page begins; none after the last.
 */
next: string | null, 
/**
 * Rows of the whole list; on its first page only.
 */
total: number | null, 
/**
 * The tables that it was read from: a change of one of them may change it.
 */
tables: Array<string>, };

export type RecordRow = { 
/**
 * Its id.
 */
id: string, 
/**
 * What names it.
 */
label: string, 
/**
 * Its values, in the order of the table's columns.
 */
values: unknown[], 
/**
 * For each column that is a reference the label of the row that it names, when that is known here.
 */
labels: Array<string | null>, 
/**
 * When it last changed.
 */
updated_at: number, 
/**
 * Whether a change of it has not been sent or has not come back yet.
 */
unsent: boolean, 
/**
 * Whether a change of it was refused and waits for this person.
 */
refused: boolean, };

export type OpenedRecord = { 
/**
 * It, as a list shows it.
 */
row: RecordRow, 
/**
 * When it was made.
 */
created_at: number, 
/**
 * Whether this person may change it.
 */
may_change: boolean, 
/**
 * Whether they may delete it.
 */
may_delete: boolean, 
/**
 * Columns of it that they may not give, although they may change the row.
 */
not_given: Array<string>, 
/**
 * Columns that were changed here and have not come back from the server yet.
 */
unsent: Array<string>, 
/**
 * Columns of which another value lost against the one that stands.
 */
disputed: Array<string>, 
/**
 * How many rows of each related table belong to it.
 */
related: Array<RowsOf>, 
/**
 * The tables that it was read from.
 */
tables: Array<string>, };

export type SaveRecords = { 
/**
 * The table.
 */
table: string, 
/**
 * What to make and to change.
 */
rows: Array<SaveRecord>, };

export type SaveRecord = { 
/**
 * The row to change; none makes one.
 */
id: string | null, 
/**
 * Columns and their new values.
 */
fields: Record<string, unknown>, };

export type RowsNamed = { 
/**
 * The table.
 */
table: string, 
/**
 * The rows.
 */
ids: Array<string>, };

export type SavedRecords = { 
/**
 * The rows, in the order in which they were given.
 */
ids: Array<string>, 
/**
 * Takes it back, given to `undo_records`; none when there is nothing to take back.
 */
undo: number | null, };

export type UndoRecords = { 
/**
 * `undo` of what was done.
 */
undo: number, };

export type HistoryOf = { 
/**
 * The table.
 */
entity: string, 
/**
 * The row.
 */
id: string, 
/**
 * `next` of the part before.
 */
before: number | null, };

export type RecordHistory = { 
/**
 * What happened.
 */
changes: Array<HistoryChange>, 
/**
 * Where what is older begins; none after the oldest.
 */
next: number | null, };

export type HistoryChange = { 
/**
 * When.
 */
at: number, 
/**
 * `insert`, `update` or `delete`.
 */
op: string, 
/**
 * Who; empty for another program.
 */
user_name: string, 
/**
 * On which device, or by which program.
 */
device: string, 
/**
 * The columns that changed, with their values before.
 */
before: Record<string, unknown>, 
/**
 * … and after.
 */
after: Record<string, unknown>, };

export type FindReferences = { 
/**
 * The table of the rows.
 */
table: string, 
/**
 * Words that must all be found.
 */
search: string, 
/**
 * Rows wanted, 50 at most.
 */
limit: number, };

export type Named = { 
/**
 * What names it.
 */
label: string, 
/**
 * The table's name.
 */
entity: string, 
/**
 * The row's id.
 */
id: string, };

export type FileFormat = "csv" | "xlsx";

export type ValueWords = { 
/**
 * The word for a true value.
 */
yes: string, 
/**
 * The word for a false value.
 */
no: string, 
/**
 * For each column that is a choice: the words of its values, by value.
 */
choices: { [key in string]: { [key in string]: string } }, };

export type ExportRecords = { 
/**
 * The list. All of its rows are written: `after` and `limit` do not count.
 */
query: RecordsQuery, 
/**
 * What the table is called on the screen: the sheet's name, and the file's together with the day.
 */
title: string, 
/**
 * The columns in their order; `id`, `created_at` and `updated_at` too.
 */
columns: Array<string>, 
/**
 * The titles of these columns on the screen.
 */
titles: Array<string>, 
/**
 * The words of the screen's language.
 */
words: ValueWords, 
/**
 * The kind of file.
 */
format: FileFormat, };

export type ReadImport = { 
/**
 * The table that it shall be imported into.
 */
table: string, 
/**
 * The file's name.
 */
name: string, 
/**
 * Its bytes in base64; at most 16 MiB before that.
 */
content: string, 
/**
 * For each language the titles of the table's columns, by column: they are looked for in the file.
 */
titles: Array<{ [key in string]: string }>, };

export type ImportFile = { 
/**
 * Its columns, in their order.
 */
columns: Array<ImportColumn>, 
/**
 * The line of its first row, after title and header. It goes into `import_records` as it is.
 */
first_line: number, 
/**
 * Its rows.
 */
rows: number, 
/**
 * The first rows as text, a text for each column.
 */
sample: Array<Array<string>>, 
/**
 * How it is written: `xlsx`, `utf-8`, `utf-16le`, `utf-16be` or `windows-1251`.
 */
encoding: string, };

export type ImportColumn = { 
/**
 * Its title in the file.
 */
title: string, 
/**
 * The table's column (or `id`) that this title names; empty when it names none that a person gives.
 */
column: string, };

export type ImportRecords = { 
/**
 * The table.
 */
table: string, 
/**
 * The file's name.
 */
name: string, 
/**
 * Its bytes in base64, as for `read_import`.
 */
content: string, 
/**
 * `first_line` of what `read_import` answered.
 */
first_line: number, 
/**
 * For each column of the file the table's column (or `id`) that it fills; empty for one that is left out.
 */
mapping: Array<string>, 
/**
 * The words of every language that the file may be written in.
 */
words: Array<ValueWords>, 
/**
 * Whether an empty cell empties the value of an existing row. Otherwise the value stays.
 */
clear_empty: boolean, 
/**
 * Only say what would happen.
 */
dry_run: boolean, };

export type ImportReport = { 
/**
 * Rows that are new.
 */
new: number, 
/**
 * Rows that exist and change.
 */
changed: number, 
/**
 * Rows that exist and have all these values.
 */
same: number, 
/**
 * Rows that cannot be imported as they are.
 */
refused: number, 
/**
 * The rows in the file's order: of each fate the first 2,000.
 */
lines: Array<ImportLine>, 
/**
 * Whether it was stored.
 */
stored: boolean, 
/**
 * Takes it back, given to `undo_records`; none when nothing was stored.
 */
undo: number | null, };

export type ImportFate = "new" | "changed" | "same" | "refused";

export type ImportLine = { 
/**
 * Its line in the file, the first is 1.
 */
line: number, 
/**
 * What becomes of it.
 */
fate: ImportFate, 
/**
 * What names the row: of an existing one its label, else what the file says.
 */
label: string, 
/**
 * The existing row.
 */
id: string | null, 
/**
 * What it changes in an existing row.
 */
changes: Array<ImportChange>, 
/**
 * Why it is refused.
 */
problems: Array<ImportProblem>, };

export type ImportChange = { 
/**
 * The column.
 */
column: string, 
/**
 * The value that stands there.
 */
from: unknown, 
/**
 * The value that comes.
 */
to: unknown, 
/**
 * The label of the row that `from` names, when it names one.
 */
from_label: string | null, 
/**
 * The label of the row that `to` names, when it names one.
 */
to_label: string | null, };

export type ImportProblem = { 
/**
 * The column of the table; empty when the whole line is at fault.
 */
column: string, 
/**
 * What is wrong with it. `taken`: another line of the file, or a row, has this value already.
 */
code: Code, 
/**
 * What stands in the cell.
 */
value: string, 
/**
 * The other line of the file that is about the same row.
 */
other_line: number | null, };

export type Code = "not_json" | "body_truncated" | "bad_request" | "body_too_large" | "unsupported_encoding" | "unsupported_protocol" | "protocol_too_old" | "no_such_route" | "too_many_mutations" | "too_many_attempts" | "too_many_scopes" | "too_many_follows" | "too_many_devices" | "too_many_streams" | "too_many_requests" | "internal" | "not_ready" | "wrong_password" | "account_closed" | "organization_suspended" | "unknown_code" | "code_used" | "code_expired" | "code_revoked" | "password_too_short" | "token_expired" | "session_ended" | "device_revoked" | "device_not_yours" | "number_gap" | "number_reused" | "chain_mismatch" | "epoch_changed" | "unknown_entity" | "unknown_column" | "bad_value" | "missing_value" | "row_too_large" | "row_unreadable" | "server_column" | "key_changed" | "id_mismatch" | "not_allowed" | "not_found" | "changed_meanwhile" | "already_set" | "taken" | "missing_reference" | "rule_broken" | "in_use" | "course_full" | "payment_needed" | "prerequisite_missing" | "no_seat" | "no_attempts_left" | "test_closed" | "not_a_member" | "too_many_held" | "blocked" | "time_over" | "content_locked" | "offline" | "bad_address" | "no_such_server" | "server_silent" | "not_secure" | "bad_certificate" | "already_open" | "locked" | "cannot_unlock" | "old_password_needed" | "no_keyring" | "store_damaged" | "store_too_new" | "disk_full" | "disk_failed" | "file_damaged" | "file_too_large" | "unreadable_file" | "file_cut" | "several_fit" | "not_downloaded" | "bad_answer";

export type Problem = { 
/**
 * What consumers match.
 */
code: Code, 
/**
 * English, for a log or another client's author. Never shown on a screen.
 */
message: string, 
/**
 * Whether the same request may succeed later by itself.
 */
retryable: boolean, 
/**
 * The server's log has the details under this id.
 */
request_id?: string, 
/**
 * The fields at fault.
 */
fields?: Array<string>, };

export type Start = { 
/**
 * The people who have data on this laptop, the last unlocked first.
 */
people: Array<PersonTile>, 
/**
 * The unlocked person.
 */
unlocked: Person | null, 
/**
 * The server to offer in the sign-in form.
 */
server: string, 
/**
 * Whether the system's keyring can store this laptop's secret. Without it only the password protects the data.
 */
keyring: boolean, 
/**
 * Theme, language and zoom.
 */
look: Look, 
/**
 * Demonstration users to list, when the demonstration started this laptop.
 */
demonstration: Array<DemonstrationPerson>, };

export type DemonstrationPerson = { 
/**
 * The name to sign in with.
 */
user_name: string, 
/**
 * The password to sign in with.
 */
password: string, 
/**
 * Their full name.
 */
full_name: string, 
/**
 * Their role.
 */
role: Role, };

export type PersonTile = { 
/**
 * Their account.
 */
user_id: string, 
/**
 * Their full name.
 */
full_name: string, 
/**
 * The name they sign in with.
 */
user_name: string, 
/**
 * Their role.
 */
role: Role, 
/**
 * The address of their server.
 */
server: string, 
/**
 * Number of their unsent changes when they were last unlocked.
 */
waiting: number, 
/**
 * When they were last unlocked.
 */
last_here_at: number, };

export type Person = { 
/**
 * Their account.
 */
user_id: string, 
/**
 * Their full name.
 */
full_name: string, 
/**
 * The name they sign in with.
 */
user_name: string, 
/**
 * Their role.
 */
role: Role, 
/**
 * Their organization's name.
 */
organization_name: string, 
/**
 * The address of their server.
 */
server: string, 
/**
 * Whether the session has ended: work continues on this laptop, and is sent after the next sign-in.
 */
signed_out: boolean, 
/**
 * Whether unlocking also needs the laptop's secret from the keyring, besides the password.
 */
guarded_by_keyring: boolean, };

export type SignIn = { 
/**
 * Address of the server; `https://` is added when there is no scheme.
 */
server: string, 
/**
 * User name or e-mail.
 */
name: string, 
/**
 * Password.
 */
password: string, 
/**
 * The previous password, after a refusal with `old_password_needed`.
 */
old_password?: string, };

export type LookAtCode = { 
/**
 * Address of the server.
 */
server: string, 
/**
 * The code as it was typed or pasted; case, spaces and hyphens do not matter.
 */
code: string, };

export type Invitee = { 
/**
 * Their full name.
 */
full_name: string, 
/**
 * Their user name; none: they choose one.
 */
user_name: string | null, 
/**
 * Their organization's name.
 */
organization_name: string, 
/**
 * When the code stops working.
 */
expires_at: number, };

export type SignInWithCode = { 
/**
 * Address of the server.
 */
server: string, 
/**
 * The code.
 */
code: string, 
/**
 * The account's user name, or the chosen one.
 */
user_name: string, 
/**
 * The chosen password.
 */
password: string, };

export type ChangePassword = { 
/**
 * The present password.
 */
old_password: string, 
/**
 * The next one.
 */
new_password: string, 
/**
 * Whether the person is signed out on every other laptop.
 */
end_other_sessions: boolean, };

export type OwnSession = { 
/**
 * Its id.
 */
id: string, 
/**
 * The laptop's name, or the token's.
 */
device_name: string, 
/**
 * The operating system; `http` for a personal token.
 */
platform: string, 
/**
 * Whether it is this laptop.
 */
is_this: boolean, 
/**
 * Since when.
 */
created_at: number, 
/**
 * When the server last heard of it.
 */
last_used_at: number, };

export type Invite = { 
/**
 * The people.
 */
people: Array<string>, 
/**
 * Whether the passwords of those who have one stop working at once; otherwise these people are left out.
 */
reset_passwords: boolean, };

export type NewInvitations = { 
/**
 * The invitations, in the order of their people.
 */
invitations: Array<NewInvitation>, 
/**
 * People who have a password and were left out.
 */
left_out: Array<string>, };

export type NewInvitation = { 
/**
 * Its id.
 */
id: string, 
/**
 * Whom it invites.
 */
user_id: string, 
/**
 * Their full name.
 */
full_name: string, 
/**
 * Their user name; none: they choose one.
 */
user_name: string | null, 
/**
 * The one-time code.
 */
code: string, 
/**
 * When it stops working.
 */
expires_at: number, };

export type Invitation = { 
/**
 * Its id.
 */
id: string, 
/**
 * Whom it invites.
 */
user_id: string, 
/**
 * The administrator who made it; none: the operator of the server.
 */
made_by: string | null, 
/**
 * When it was made.
 */
made_at: number, 
/**
 * When it stops working.
 */
expires_at: number, 
/**
 * When it was used.
 */
used_at: number | null, 
/**
 * When it was revoked or replaced.
 */
revoked_at: number | null, };

export type Unlock = { 
/**
 * The person's account.
 */
user_id: string, 
/**
 * The password.
 */
password: string, };

export type Look = { 
/**
 * Light, dark, or as the system.
 */
theme: Theme, 
/**
 * Language of the screens: `en`, `ru`, `az`, or empty for the system's.
 */
language: string, 
/**
 * Zoom in percent: 50 to 300.
 */
zoom_percent: number, };

export type Theme = "system" | "light" | "dark";

export type Profile = { 
/**
 * Telephone.
 */
phone: string, 
/**
 * Where they work.
 */
company: string, 
/**
 * What they do there.
 */
position: string, 
/**
 * A text about them.
 */
bio: string, 
/**
 * The language of messages to them: `en`, `ru`, `az` or empty.
 */
language: string, };

export type SyncStatus = { 
/**
 * Whether the server answered the last request.
 */
online: boolean, 
/**
 * Whether something is being sent or fetched right now.
 */
busy: boolean, 
/**
 * When the last sync succeeded.
 */
last_sync_at: number | null, 
/**
 * Changes that the server does not have yet.
 */
waiting: number, 
/**
 * Rows with a refused change, which the person has to correct.
 */
attention: number, 
/**
 * Conflicts that this person may settle.
 */
conflicts: number, 
/**
 * Held changes of others and offered rows that this person may decide about.
 */
held: number, 
/**
 * Whether the first sync has not ended yet: what is missing here may still come.
 */
first_sync: boolean, 
/**
 * Rows of a first sync still to come; none when it is done.
 */
rows_left: number | null, 
/**
 * The server's clock minus this laptop's, in milliseconds, when the difference is too large; otherwise none.
 */
clock_off_ms: number | null, 
/**
 * The disk is nearly full.
 */
disk_low: boolean, 
/**
 * The session has ended: the person has to sign in again before changes are sent.
 */
signed_out: boolean, 
/**
 * All changes are sent and stored, so the laptop may be closed.
 */
safe_to_close: boolean, 
/**
 * Why the last sync failed; none when it succeeded or the server was not reachable.
 */
problem: Code | null, };

export type SyncCentre = { 
/**
 * The chip's state.
 */
status: SyncStatus, 
/**
 * Changes that are not confirmed yet, the oldest first; at most 200.
 */
waiting: Array<WaitingChange>, 
/**
 * Refused changes, the newest first.
 */
attention: Array<AttentionItem>, 
/**
 * Recent changes that were merged with another person's change or superseded by it, the newest first; at most 100.
 */
merged: Array<MergedItem>, 
/**
 * Conflicts that this person may settle, the newest first.
 */
conflicts: Array<ConflictItem>, 
/**
 * Held changes of others that this person may decide about, the oldest first; at most 200.
 */
held: Array<HeldItem>, 
/**
 * This person's own held changes, decided ones too, the newest first; at most 200.
 */
own_held: Array<HeldItem>, 
/**
 * Offered rows, which the server has lost and a laptop still has, and about which an administrator decides, the oldest
 * first; at most 200. `author` is the person whose laptop offered the row, `at` is when the row last changed.
 */
offered: Array<HeldItem>, 
/**
 * Number of rows of this laptop that the server has lost and that are not offered yet: their authors may still send them.
 */
lost_rows: number, 
/**
 * Number of rows that the server has and cannot send, because another program made them too large or wrote values that
 * the server cannot read. They are missing here.
 */
withheld_rows: number, 
/**
 * Repairs of damaged rows on this laptop, the newest first; at most 20.
 */
repairs: Array<Repair>, 
/**
 * The folder of this laptop's data.
 */
folder: string, };

export type WaitingChange = { 
/**
 * Its number on this laptop.
 */
n: number, 
/**
 * The table; the screen translates its name.
 */
entity: string, 
/**
 * What it is about, such as a topic's or a student's name; empty when that is not on this laptop.
 */
about: string, 
/**
 * When it was made.
 */
at: number, 
/**
 * Whether the server has acknowledged it and only the next pull is missing.
 */
sent: boolean, };

export type AttentionItem = { 
/**
 * The number on this laptop of the change whose code is shown. `send_again` and `discard` with it apply to all of them.
 */
n: number, 
/**
 * The table's name.
 */
entity: string, 
/**
 * The row's id.
 */
row_id: string, 
/**
 * What it is about.
 */
about: string, 
/**
 * When the last of them was made.
 */
at: number, 
/**
 * Why it was refused.
 */
code: Code, 
/**
 * The column at fault.
 */
field: string | null, 
/**
 * A value that the server would accept.
 */
suggestion: string | null, 
/**
 * The refused columns with their values, to edit, in the table's order.
 */
fields: Array<AttentionField>, };

export type AttentionField = { 
/**
 * The column.
 */
name: string, 
/**
 * What the person had entered.
 */
value: unknown, 
/**
 * What the server has.
 */
server_value: unknown, 
/**
 * Whether the person may edit it.
 */
editable: boolean, 
/**
 * `text`, `whole`, `real`, `truth`, `date`, `choice` or `other`.
 */
kind: string, 
/**
 * The possible values, for `choice`.
 */
choices: Array<string>, };

export type SendAgain = { 
/**
 * The refused change.
 */
n: number, 
/**
 * The corrected values by column; columns that are left out keep their values.
 */
fields: Record<string, unknown>, };

export type ByNumber = { 
/**
 * The change.
 */
n: number, };

export type WrittenFile = { 
/**
 * The file's path.
 */
path: string, };

export type MergedItem = { 
/**
 * Its number on this laptop.
 */
n: number, 
/**
 * The table's name.
 */
entity: string, 
/**
 * What it is about.
 */
about: string, 
/**
 * When it was made.
 */
at: number, 
/**
 * `merged` or `superseded`.
 */
outcome: string, };

export type Repair = { 
/**
 * When the rows were repaired.
 */
at: number, 
/**
 * How many rows were fetched again or removed.
 */
rows: number, };

export type ConflictItem = { 
/**
 * The conflict.
 */
id: string, 
/**
 * The table's name.
 */
entity: string, 
/**
 * The row's id.
 */
row_id: string, 
/**
 * The field or group of fields, such as `mark`.
 */
field: string, 
/**
 * What it is about, such as the student and the day.
 */
about: string, 
/**
 * The group, for an attendance mark.
 */
group_id: string | null, 
/**
 * The student, for an attendance mark.
 */
student_id: string | null, 
/**
 * The day, for an attendance mark.
 */
lesson_date: string | null, 
/**
 * The current value.
 */
kept: ConflictSide, 
/**
 * The losing value.
 */
lost: ConflictSide, };

export type ConflictSide = { 
/**
 * The value, such as `present`.
 */
value: unknown, 
/**
 * The name of the person who entered it; empty when that is not known here.
 */
by: string, 
/**
 * When it was entered.
 */
at: number | null, 
/**
 * Whether it is known to have been entered on this laptop.
 */
here: boolean, };

export type Settle = { 
/**
 * The conflict.
 */
id: string, 
/**
 * True takes the losing value, false keeps the current one.
 */
take_lost: boolean, };

export type HeldItem = { 
/**
 * The held change.
 */
id: string, 
/**
 * The table's name.
 */
entity: string, 
/**
 * What it is about, such as the student and the day.
 */
about: string, 
/**
 * The group that it belongs to; empty when it belongs to none, or to one that is not on this laptop.
 */
group: string, 
/**
 * Whether the change deletes the row.
 */
deletes: boolean, 
/**
 * The entered and the current values.
 */
fields: Array<HeldField>, 
/**
 * The name of the person who made it.
 */
author: string, 
/**
 * When it was made.
 */
at: number, 
/**
 * `waiting`, `accepted` or `refused`.
 */
state: string, 
/**
 * Whether it must be decided alone and not together with others: it affects access rights, or a column such as money that
 * people decide one by one.
 */
alone: boolean, 
/**
 * How many other people have offered an identical row: with 0, only one person's laptop has it. 0 for a held change.
 */
others: number, 
/**
 * The name of the person who decided; empty when it is undecided or that is not known here.
 */
decided_by: string, 
/**
 * When it was decided.
 */
decided_at: number | null, };

export type HeldField = { 
/**
 * The column.
 */
name: string, 
/**
 * The entered value.
 */
value: unknown, 
/**
 * The current value.
 */
server_value: unknown, 
/**
 * As in [`AttentionField::kind`]; also `moment`, in milliseconds.
 */
kind: string, };

export type DecideHeld = { 
/**
 * The held change.
 */
id: string, 
/**
 * True applies the change, false keeps the current values.
 */
accept: boolean, };

export type Event = { "kind": "changed", 
/**
 * The tables.
 */
entities: Array<string>, } | { "kind": "sync", 
/**
 * The new state.
 */
status: SyncStatus, } | { "kind": "downloads", 
/**
 * The new state.
 */
downloads: Downloads, } | { "kind": "people" };

export type Home = { 
/**
 * What an administrator of a new organization does first; none when all of it is done, for others, and before the first sync ended.
 */
first_steps: FirstSteps | null, 
/**
 * Where a learner stopped last.
 */
go_on: GoOn | null, 
/**
 * Courses that the person studies, the last used first.
 */
studying: Array<CourseCard>, 
/**
 * Courses that the person teaches.
 */
teaching: Array<CourseCard>, 
/**
 * Groups that the person teaches.
 */
groups: Array<GroupCard>, 
/**
 * What a teacher's groups need; empty for others.
 */
group_news: Array<GroupNews>, 
/**
 * Stations of the organization.
 */
stations: Array<StationCard>, 
/**
 * Recent results, the newest first; at most 10.
 */
results: Array<AttemptCard>, 
/**
 * A learner's own attendance, payments, certificates and badges.
 */
record: PersonRecord | null, 
/**
 * Other people whose progress is followed: a parent's children.
 */
children: Array<ChildCard>, };

export type FirstSteps = { 
/**
 * Somebody besides the administrator.
 */
people: boolean, 
/**
 * A group.
 */
groups: boolean, 
/**
 * A station.
 */
stations: boolean, 
/**
 * A course.
 */
courses: boolean, };

export type GoOn = { 
/**
 * The course.
 */
course_id: string, 
/**
 * Its title.
 */
course_title: string, 
/**
 * The topic.
 */
topic_id: string, 
/**
 * Its title.
 */
topic_title: string, 
/**
 * An unfinished attempt, to continue instead.
 */
attempt_id: string | null, 
/**
 * The title of its test.
 */
attempt_title: string | null, 
/**
 * Seconds left for it at the time of the answer; none without a limit.
 */
attempt_seconds_left: number | null, 
/**
 * The page where they stopped.
 */
page: number | null, 
/**
 * The second where they stopped.
 */
second: number | null, };

export type ChildCard = { 
/**
 * The child.
 */
user_id: string, 
/**
 * Their name.
 */
full_name: string, 
/**
 * Their courses with progress.
 */
courses: Array<CourseCard>, 
/**
 * Marks of the last 30 days: present, late, absent, excused.
 */
marks: [number, number, number, number], 
/**
 * The lessons of these days that were not simply attended, the newest first.
 */
not_present: Array<LessonMark>, 
/**
 * Attendance, payments, certificates and badges.
 */
record: PersonRecord, 
/**
 * Their latest results.
 */
results: Array<AttemptCard>, };

export type LessonMark = { 
/**
 * The day.
 */
day: string, 
/**
 * `late`, `absent` or `excused`.
 */
status: string, 
/**
 * The teacher's note.
 */
note: string, };

export type CourseCard = { 
/**
 * The course.
 */
id: string, 
/**
 * Its title.
 */
title: string, 
/**
 * Its code.
 */
course_code: string, 
/**
 * `draft`, `published` or `archived`.
 */
status: string, 
/**
 * The language it is written in.
 */
language: string, 
/**
 * Topics done, by this person.
 */
topics_done: number, 
/**
 * Topics in all.
 */
topics_all: number, 
/**
 * When it is due.
 */
due_at: number | null, 
/**
 * Bytes of its files on this laptop.
 */
bytes_here: number, 
/**
 * Bytes of its files.
 */
bytes_all: number, 
/**
 * Learners enrolled, for its instructor.
 */
learners: number, 
/**
 * Whether its contents are completely on this laptop.
 */
ready: boolean, };

export type Course = { 
/**
 * The course's card.
 */
card: CourseCard, 
/**
 * What it is about.
 */
description: string, 
/**
 * `beginner`, `intermediate`, `advanced` or empty.
 */
level: string, 
/**
 * How long it takes.
 */
estimated_seconds: number | null, 
/**
 * Learning outcomes, requirements, target audience: kind and text, in order.
 */
facts: Array<CourseFact>, 
/**
 * The station it belongs to.
 */
station: StationCard | null, 
/**
 * Its modules in order.
 */
modules: Array<CourseModule>, 
/**
 * This person's progress in required modules.
 */
progress: Progress, 
/**
 * Tests of the course as a whole.
 */
assessments: Array<AssessmentCard>, 
/**
 * Whether this person may change it.
 */
may_edit: boolean, 
/**
 * Whether this person may see its learners.
 */
may_see_learners: boolean, 
/**
 * Whether this person studies it.
 */
studies: boolean, };

export type CourseFact = { 
/**
 * `learning_outcome`, `requirement` or `target_audience`.
 */
kind: string, 
/**
 * The text.
 */
text: string, };

export type CourseModule = { 
/**
 * The module.
 */
id: string, 
/**
 * Its title.
 */
title: string, 
/**
 * What it is about.
 */
description: string, 
/**
 * This person's progress in percent: 0 to 100; none for a module that consists of nothing.
 */
percent: number | null, 
/**
 * Its topics in order.
 */
topics: Array<TopicCard>, 
/**
 * Its tests.
 */
assessments: Array<AssessmentCard>, };

export type TopicCard = { 
/**
 * The topic.
 */
id: string, 
/**
 * Its title.
 */
title: string, 
/**
 * Whether this person has done it.
 */
completed: boolean, 
/**
 * This person's progress in percent: 0 to 100.
 */
percent: number, 
/**
 * Why it is locked for this person; none when it is open.
 */
lock: ContentLock | null, 
/**
 * Kinds of its items, such as `document`, `video`.
 */
kinds: Array<string>, 
/**
 * Bytes of its files.
 */
bytes_all: number, 
/**
 * Bytes of its files on this laptop.
 */
bytes_here: number, };

export type ContentLock = { 
/**
 * `payment`, `courses`, `modules`, `assessments`, `until`, `unreadable` or `topic`.
 */
kind: string, 
/**
 * Titles of the courses, modules, tests or of the topic that have to be done first.
 */
titles: Array<string>, 
/**
 * The day on which it opens, for `until`.
 */
day: string | null, };

export type Progress = { 
/**
 * Required modules that consist of something.
 */
modules: number, 
/**
 * Those of them that are completed.
 */
modules_completed: number, 
/**
 * From 0 to 100.
 */
percent: number, };

export type PersonRecord = { 
/**
 * Attendance in all groups.
 */
attendance: AttendanceTotals, 
/**
 * What was paid and is owed, by currency.
 */
balances: Array<BalanceRow>, 
/**
 * Certificates, the newest first.
 */
certificates: Array<CertificateCard>, 
/**
 * Badges, the newest first.
 */
badges: Array<BadgeCard>, };

export type AttendanceTotals = { 
/**
 * Present, late, absent, excused.
 */
marks: [number, number, number, number], 
/**
 * Attended lessons in percent of those that count; none when none counts.
 */
percent: number | null, 
/**
 * Whether excused lessons are left out of the percentage.
 */
leaves_out_excused: boolean, };

export type BalanceRow = { 
/**
 * Such as `EUR`.
 */
currency: string, 
/**
 * What was paid.
 */
paid_minor: number, 
/**
 * What is still to be paid.
 */
owed_minor: number, 
/**
 * Paid less owed.
 */
balance_minor: number, };

export type CertificateCard = { 
/**
 * The certificate.
 */
id: string, 
/**
 * The title of its course; empty when the course is not on this laptop.
 */
course_title: string, 
/**
 * Its number; empty until the server has given one.
 */
number: string, 
/**
 * When it was issued.
 */
issued_at: number, 
/**
 * When it ends.
 */
expires_at: number | null, 
/**
 * `valid`, `not_yet`, `expired` or `revoked`.
 */
validity: string, };

export type BadgeCard = { 
/**
 * The award.
 */
id: string, 
/**
 * The badge's name.
 */
name: string, 
/**
 * What it is for.
 */
description: string, 
/**
 * The title of its course; empty without one.
 */
course_title: string, 
/**
 * When it was earned.
 */
earned_at: number, };

export type CodingRanking = { 
/**
 * The best first.
 */
learners: Array<RankedLearner>, 
/**
 * The tables that it was read from.
 */
tables: Array<string>, };

export type RankedLearner = { 
/**
 * The learner.
 */
user_id: string, 
/**
 * Their name.
 */
display_name: string, 
/**
 * From 1; equal learners share a place.
 */
place: number, 
/**
 * Tasks solved.
 */
solved: number, 
/**
 * Points earned.
 */
points: number, 
/**
 * Submissions.
 */
attempts: number, };

export type PersonStanding = "here" | "coming" | "refused" | "partly";

export type PersonPage = { 
/**
 * The person.
 */
user_id: string, 
/**
 * Their name.
 */
full_name: string, 
/**
 * How much of their rows is here.
 */
standing: PersonStanding, 
/**
 * Whether their rows were asked for by opening this page, so that they may be pinned or let go.
 */
followed: boolean, 
/**
 * Whether they stay on this laptop, however many other people are opened.
 */
pinned: boolean, 
/**
 * Graded and unfinished attempts, the newest first.
 */
results: Array<AttemptCard>, 
/**
 * The courses that they study, with progress.
 */
courses: Array<CourseCard>, 
/**
 * The latest marks, the newest first.
 */
marks: Array<PersonMark>, 
/**
 * The latest payments, the newest first.
 */
payments: Array<PersonPayment>, 
/**
 * Totals of attendance, balances, certificates and badges.
 */
record: PersonRecord, 
/**
 * The tables that this was read from, and `follows`.
 */
tables: Array<string>, };

export type PersonMark = { 
/**
 * The row.
 */
id: string, 
/**
 * The day of the lesson.
 */
lesson_date: string, 
/**
 * `present`, `late`, `absent` or `excused`.
 */
status: string, 
/**
 * The group; empty when it is not on this laptop.
 */
group_name: string, 
/**
 * The teacher's note.
 */
note: string, };

export type PersonPayment = { 
/**
 * The row.
 */
id: string, 
/**
 * The day.
 */
payment_date: string, 
/**
 * What it is for.
 */
title: string, 
/**
 * In minor units.
 */
amount_minor: number, 
/**
 * Such as `EUR`.
 */
currency: string, 
/**
 * `paid`, `unpaid`, `partial` or `cancelled`.
 */
status: string, 
/**
 * The receipt's number; empty until the server has given it.
 */
receipt_number: string, };

export type PinPerson = { 
/**
 * The person.
 */
id: string, 
/**
 * Whether their rows stay.
 */
pinned: boolean, };

export type AssessmentCard = { 
/**
 * The test.
 */
id: string, 
/**
 * Its title.
 */
title: string, 
/**
 * `quiz`, `exam` or `assignment`.
 */
kind: string, 
/**
 * How many questions.
 */
questions: number, 
/**
 * How long it may take.
 */
time_limit_seconds: number | null, 
/**
 * Percent needed.
 */
passing_percent: number, 
/**
 * Attempts left; none when there is no limit.
 */
attempts_left: number | null, 
/**
 * Why it is locked for this person; none when it is open.
 */
lock: ContentLock | null, 
/**
 * This person's attempts, the newest first.
 */
attempts: Array<AttemptCard>, 
/**
 * True when this laptop grades it at once, false when the server does.
 */
graded_here: boolean, };

export type Topic = { 
/**
 * The topic's card.
 */
card: TopicCard, 
/**
 * What it is about.
 */
description: string, 
/**
 * Its course.
 */
course_id: string, 
/**
 * Its course's title.
 */
course_title: string, 
/**
 * Its module's title.
 */
module_title: string, 
/**
 * Its files and texts in order, the main PDF first. Empty while it is locked.
 */
items: Array<ContentItem>, 
/**
 * The topic before it.
 */
previous_id: string | null, 
/**
 * The topic after it.
 */
next_id: string | null, 
/**
 * Whether this person studies it, so that progress is kept.
 */
studies: boolean, };

export type ContentItem = { 
/**
 * The item.
 */
id: string, 
/**
 * `video`, `document`, `text`, `link` or `quiz`.
 */
kind: string, 
/**
 * `main_pdf`, `additional_video`, `additional_document` or empty.
 */
role: string, 
/**
 * Its title.
 */
title: string, 
/**
 * Text of a `text`, address of a `link`.
 */
text: string, 
/**
 * The file's address at the media server, when the file is on this laptop. It changes with every start.
 */
url: string | null, 
/**
 * Its file's type, such as `application/pdf`.
 */
media_type: string, 
/**
 * Its file's size.
 */
size_bytes: number, 
/**
 * How long it plays.
 */
duration_seconds: number | null, 
/**
 * How many pages it has.
 */
pages: number | null, 
/**
 * The page where this person stopped.
 */
page: number | null, 
/**
 * The second where this person stopped.
 */
second: number | null, 
/**
 * Bytes on this laptop while it is fetched; none when it is not being fetched.
 */
bytes_fetched: number | null, };

export type MarkTopic = { 
/**
 * The topic.
 */
topic_id: string, 
/**
 * True for done, false to reset it.
 */
completed: boolean, };

export type NotePosition = { 
/**
 * The item.
 */
content_item_id: string, 
/**
 * The page, for a document.
 */
page: number | null, 
/**
 * The second, for a video.
 */
second: number | null, 
/**
 * Progress in percent: 0 to 100.
 */
percent: number, 
/**
 * Seconds spent since the last note.
 */
seconds_spent: number, };

export type EditCourse = { 
/**
 * The course.
 */
id: string, 
/**
 * A new title.
 */
title?: string, 
/**
 * A new description.
 */
description?: string, 
/**
 * A new code.
 */
course_code?: string, };

export type Downloads = { 
/**
 * Whether the person paused them.
 */
paused: boolean, 
/**
 * The files that are being fetched, wait or have failed.
 */
items: Array<Download>, 
/**
 * Bytes of media on this laptop, of all people together.
 */
bytes_here: number, 
/**
 * Bytes free on the disk.
 */
bytes_free: number, };

export type Download = { 
/**
 * The content item.
 */
content_item_id: string, 
/**
 * The course.
 */
course_id: string, 
/**
 * Its title.
 */
title: string, 
/**
 * Its size.
 */
size_bytes: number, 
/**
 * Bytes fetched so far.
 */
bytes_fetched: number, 
/**
 * `waiting`, `fetching`, `failed`.
 */
state: string, 
/**
 * Why it failed.
 */
problem: Code | null, };

export type CourseLearners = { 
/**
 * The course.
 */
course: CourseCard, 
/**
 * Column heads: topics in order.
 */
topics: Array<LearnerColumn>, 
/**
 * Column heads: tests in order.
 */
assessments: Array<LearnerColumn>, 
/**
 * The people, by name.
 */
learners: Array<LearnerRow>, };

export type LearnerColumn = { 
/**
 * Topic or test.
 */
id: string, 
/**
 * Its title.
 */
title: string, };

export type LearnerRow = { 
/**
 * The learner.
 */
user_id: string, 
/**
 * Their name.
 */
display_name: string, 
/**
 * `enrolled`, `in_progress`, `completed` or `dropped`.
 */
status: string, 
/**
 * Percent per topic, in the columns' order; 100 is done.
 */
topics: Array<number>, 
/**
 * Best attempt per test, in the columns' order.
 */
assessments: Array<AttemptCard | null>, 
/**
 * When they were last active in this course.
 */
last_active_at: number | null, 
/**
 * Time spent in all.
 */
time_spent_seconds: number, };

export type AttemptCard = { 
/**
 * The attempt.
 */
id: string, 
/**
 * Its test.
 */
assessment_id: string, 
/**
 * Its test's title, or that of its course where the test is not on this laptop.
 */
assessment_title: string, 
/**
 * Its number: 1 is the first.
 */
attempt_number: number, 
/**
 * `started`, `submitted` (handed in, waiting for the server or a person) or `graded`.
 */
state: string, 
/**
 * Percent reached.
 */
score_percent: number | null, 
/**
 * Points reached.
 */
score_raw: number | null, 
/**
 * Points possible.
 */
score_max: number | null, 
/**
 * Passed or not.
 */
passed: boolean | null, 
/**
 * Whether this laptop graded it and the server has not confirmed it yet.
 */
provisional: boolean, 
/**
 * When it was begun.
 */
started_at: number, 
/**
 * When it was handed in.
 */
submitted_at: number | null, };

export type Attempt = { 
/**
 * The attempt's card.
 */
card: AttemptCard, 
/**
 * Its course.
 */
course_id: string | null, 
/**
 * `quiz`, `exam` or `assignment`.
 */
kind: string, 
/**
 * What the test is about.
 */
description: string, 
/**
 * Percent needed.
 */
passing_percent: number, 
/**
 * True when this laptop grades it at once, false when the server does.
 */
graded_here: boolean, 
/**
 * Seconds left at the time of the answer; none without a limit.
 */
seconds_left: number | null, 
/**
 * Whether the laptop's clock was set during the test; noted for the grader.
 */
clock_moved: boolean, 
/**
 * The index of the question to show first: the one that the person was at.
 */
at_question: number, 
/**
 * The questions in order.
 */
questions: Array<Question>, 
/**
 * The grader's feedback.
 */
feedback: string, };

export type Question = { 
/**
 * The question.
 */
id: string, 
/**
 * `single`, `multiple`, `true_false`, `numeric`, `short_answer` or `written`.
 */
question_type: string, 
/**
 * The text.
 */
text: string, 
/**
 * Points for a right answer.
 */
points: number, 
/**
 * The options of a choice question.
 */
options: Array<QuestionOption>, 
/**
 * The answer so far: an option id, a list of them, or text. Null: none.
 */
answer: string | string[] | null, 
/**
 * Whether the person flagged it.
 */
flagged: boolean, 
/**
 * After grading, where the test shows it: right or wrong.
 */
is_correct: boolean | null, 
/**
 * After grading: points earned.
 */
points_earned: number | null, 
/**
 * After grading, where the test shows it: why the answer is right.
 */
explanation: string, 
/**
 * After grading, where the test shows explanations and no attempt is left that could copy it: the right answer.
 */
right_answer: RightAnswer | null, };

export type QuestionOption = { 
/**
 * The option.
 */
id: string, 
/**
 * The text.
 */
text: string, };

export type RightAnswer = { 
/**
 * The ids of the right options.
 */
options: Array<string>, 
/**
 * The right number.
 */
number: number | null, 
/**
 * The accepted texts.
 */
accepted: Array<string>, };

export type StartAttempt = { 
/**
 * The test.
 */
assessment_id: string, };

export type Answer = { 
/**
 * The attempt.
 */
attempt_id: string, 
/**
 * The question.
 */
question_id: string, 
/**
 * As in [`Question::answer`].
 */
answer: string | string[] | null, 
/**
 * Whether the person flagged it.
 */
flagged: boolean, 
/**
 * The index of the question on the screen, to return to.
 */
at_question: number, };

export type GroupCard = { 
/**
 * The group.
 */
id: string, 
/**
 * Its name with its schedule, such as "Qrup1: 1-4 11:00".
 */
display_name: string, 
/**
 * Days of its lessons: 1 is Monday.
 */
days_of_week: Array<number>, 
/**
 * When its lessons begin, `HH:MM`.
 */
start_time: string | null, 
/**
 * Members now.
 */
members: number, 
/**
 * Members without a mark today, on a lesson day.
 */
unmarked_today: number | null, };

export type GroupNews = { 
/**
 * The group.
 */
group_id: string, 
/**
 * Lessons of the last two weeks on which a member has no mark, the oldest first. Today is not among them.
 */
unmarked_days: Array<string>, 
/**
 * Members who missed their last three lessons or more.
 */
missing: Array<MissingStudent>, };

export type MissingStudent = { 
/**
 * The student.
 */
student_id: string, 
/**
 * Their name.
 */
display_name: string, 
/**
 * How many lessons in a row.
 */
lessons: number, };

export type GridRange = { 
/**
 * The group.
 */
group_id: string, 
/**
 * First day.
 */
from: string, 
/**
 * Last day; at most 400 days after the first.
 */
to: string, };

export type Grid = { 
/**
 * The group.
 */
group: GroupCard, 
/**
 * First day asked for.
 */
from: string, 
/**
 * Last day asked for.
 */
to: string, 
/**
 * Today on this laptop.
 */
today: string, 
/**
 * Lesson days of the schedule, and other days that have a mark.
 */
days: Array<string>, 
/**
 * The students by name. Former members are included when they have marks or days of membership in this range.
 */
students: Array<GridStudent>, 
/**
 * Whether this person may mark.
 */
may_mark: boolean, 
/**
 * Whether percentages leave excused lessons out, by the organization's setting.
 */
leaves_out_excused: boolean, };

export type GridStudent = { 
/**
 * The student.
 */
student_id: string, 
/**
 * Their name.
 */
display_name: string, 
/**
 * Whether they are a member now.
 */
active: boolean, 
/**
 * A cell per day, in the days' order.
 */
cells: Array<GridCell>, };

export type GridCell = { 
/**
 * `present`, `late`, `absent` or `excused`; none when not marked.
 */
status: string | null, 
/**
 * A note.
 */
note: string, 
/**
 * The server does not have it yet.
 */
waiting: boolean, 
/**
 * The student was not a member on that day.
 */
outside: boolean, 
/**
 * An open conflict about this mark, to settle.
 */
conflict_id: string | null, 
/**
 * The name of the person who marked it; empty when unknown.
 */
marked_by: string, 
/**
 * When they marked it.
 */
marked_at: number | null, };

export type SetMarks = { 
/**
 * The group.
 */
group_id: string, 
/**
 * The marks; at most 2,000.
 */
marks: Array<SetMark>, };

export type SetMark = { 
/**
 * The student.
 */
student_id: string, 
/**
 * The day.
 */
lesson_date: string, 
/**
 * The mark; none clears it.
 */
status: string | null, 
/**
 * A new note; when left out, the note stays.
 */
note?: string, };

export type StationCard = { 
/**
 * The station.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Where it is.
 */
address: string, };

export type Station = { 
/**
 * The station's card.
 */
card: StationCard, 
/**
 * A description.
 */
description: string, 
/**
 * Its main particulars: a word for the screen to translate (`code`, `region`, `phone`, …) and the value.
 */
particulars: Array<Particular>, 
/**
 * Its equipment.
 */
equipment: Array<StationPart>, 
/**
 * Its gas supply sources.
 */
gas_supply_sources: Array<StationPart>, 
/**
 * Its specifications: name and value with unit.
 */
specifications: Array<Particular>, 
/**
 * Its safety systems, with features as lines.
 */
safety_systems: Array<StationPart>, 
/**
 * Courses about it.
 */
courses: Array<CourseCard>, };

export type Particular = { 
/**
 * The particular's name.
 */
name: string, 
/**
 * The value as text, with its unit.
 */
value: string, };

export type StationPart = { 
/**
 * The row's id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Its state, such as `active`; empty when it has none.
 */
status: string, 
/**
 * A description.
 */
description: string, 
/**
 * Its particulars.
 */
particulars: Array<Particular>, 
/**
 * Its features.
 */
features: Array<string>, };

export type RowOf = { 
/**
 * The table's name.
 */
entity: string, 
/**
 * The row's id.
 */
id: string, };

export type Deletion = { 
/**
 * Rows that are deleted too.
 */
deletes: Array<RowsOf>, 
/**
 * Rows that stay, with their reference cleared.
 */
empties: Array<RowsOf>, 
/**
 * Rows that must be deleted before; otherwise the server refuses the delete.
 */
refused_by: Array<RowsOf>, };

export type RowsOf = { 
/**
 * The table's name.
 */
entity: string, 
/**
 * The column that refers to the deleted row; empty in `deletes`.
 */
column: string, 
/**
 * Number of rows.
 */
rows: number, };

export type Nothing = Record<symbol, never>;

export type ById = { 
/**
 * Its id.
 */
id: string, };

/** Every code. */
export const CODES: readonly Code[] = [
  "not_json",
  "body_truncated",
  "bad_request",
  "body_too_large",
  "unsupported_encoding",
  "unsupported_protocol",
  "protocol_too_old",
  "no_such_route",
  "too_many_mutations",
  "too_many_attempts",
  "too_many_scopes",
  "too_many_follows",
  "too_many_devices",
  "too_many_streams",
  "too_many_requests",
  "internal",
  "not_ready",
  "wrong_password",
  "account_closed",
  "organization_suspended",
  "unknown_code",
  "code_used",
  "code_expired",
  "code_revoked",
  "password_too_short",
  "token_expired",
  "session_ended",
  "device_revoked",
  "device_not_yours",
  "number_gap",
  "number_reused",
  "chain_mismatch",
  "epoch_changed",
  "unknown_entity",
  "unknown_column",
  "bad_value",
  "missing_value",
  "row_too_large",
  "row_unreadable",
  "server_column",
  "key_changed",
  "id_mismatch",
  "not_allowed",
  "not_found",
  "changed_meanwhile",
  "already_set",
  "taken",
  "missing_reference",
  "rule_broken",
  "in_use",
  "course_full",
  "payment_needed",
  "prerequisite_missing",
  "no_seat",
  "no_attempts_left",
  "test_closed",
  "not_a_member",
  "too_many_held",
  "blocked",
  "time_over",
  "content_locked",
  "offline",
  "bad_address",
  "no_such_server",
  "server_silent",
  "not_secure",
  "bad_certificate",
  "already_open",
  "locked",
  "cannot_unlock",
  "old_password_needed",
  "no_keyring",
  "store_damaged",
  "store_too_new",
  "disk_full",
  "disk_failed",
  "file_damaged",
  "file_too_large",
  "unreadable_file",
  "file_cut",
  "several_fit",
  "not_downloaded",
  "bad_answer"
];

/** Every column that a card about a change shows. */
export const SHOWN_COLUMNS: readonly string[] = [
  "address",
  "amount_minor",
  "answers",
  "assessment_id",
  "assignment_id",
  "attempt_number",
  "attempts_max",
  "author_id",
  "available_from",
  "available_to",
  "avatar_url",
  "awarded_by",
  "badge_id",
  "balance_minor",
  "billing_cycle",
  "bio",
  "body",
  "brand",
  "certificate_template_id",
  "changed_at",
  "checked_in_at",
  "checked_out_at",
  "clock_moved",
  "code",
  "coding_task_id",
  "coding_topic_id",
  "company",
  "completed",
  "completed_at",
  "contact_phone",
  "content",
  "content_item_id",
  "course_code",
  "course_id",
  "created_by",
  "criteria",
  "currency",
  "days_of_week",
  "default_language",
  "deleted_at",
  "department_id",
  "description",
  "difficulty",
  "display_title",
  "due_at",
  "duration_seconds",
  "earned_at",
  "email",
  "employee_id",
  "ends_at",
  "enrolled_by",
  "enrollment_type",
  "enrollments_max",
  "entity",
  "error_message",
  "estimated_seconds",
  "expected",
  "expertise",
  "expires_at",
  "explanation",
  "explanations",
  "failed_count",
  "features",
  "feedback",
  "fields",
  "first_name",
  "full_name",
  "given_points",
  "grade",
  "graded_at",
  "graded_by",
  "group_id",
  "image_url",
  "input",
  "installed_on",
  "instructions",
  "instructor_id",
  "interval_days",
  "is_active",
  "is_archived",
  "is_certified",
  "is_default",
  "is_free",
  "is_hidden",
  "is_mandatory",
  "is_pinned",
  "is_primary",
  "is_public",
  "is_required",
  "issued_at",
  "joined_at",
  "keys",
  "kind",
  "language",
  "last_name",
  "latitude",
  "learning_path_id",
  "left_at",
  "lesson_date",
  "level",
  "location",
  "logo_url",
  "longitude",
  "manager_id",
  "manufacturer",
  "marked_at",
  "marked_by",
  "mcq_answers",
  "media_asset_id",
  "media_asset_ids",
  "media_type",
  "meeting_url",
  "membership_id",
  "metadata",
  "method",
  "model",
  "module_id",
  "name",
  "note",
  "notes",
  "notify_about_courses",
  "notify_about_deadlines",
  "notify_about_results",
  "notify_by_email",
  "numeric_answers",
  "offered_by",
  "opened_on",
  "opening_hours",
  "page",
  "pages",
  "parent_id",
  "parent_message_id",
  "participants_max",
  "passed_count",
  "passing_percent",
  "payment_date",
  "pdf_media_asset_id",
  "percent",
  "phone",
  "photo_url",
  "points",
  "position",
  "prerequisite_course_id",
  "price_minor",
  "priority",
  "product",
  "provider",
  "provider_id",
  "published_at",
  "purchased_at",
  "quantity",
  "question_id",
  "question_type",
  "read_at",
  "recipient_id",
  "region",
  "relation",
  "requires_previous",
  "reset_number",
  "revoked_at",
  "revoked_reason",
  "role",
  "row_id",
  "row_stamp",
  "runtime_ms",
  "safety_system_id",
  "score_max",
  "score_raw",
  "second",
  "seconds_watched",
  "sender_id",
  "serial_number",
  "session_type",
  "settings",
  "settled_at",
  "settled_by",
  "sha256",
  "shows_explanations",
  "size_bytes",
  "slug",
  "sort_order",
  "start_time",
  "started_at",
  "starter_code",
  "starts_at",
  "state",
  "station_id",
  "status",
  "student_id",
  "subject",
  "submission_text",
  "submitted_at",
  "submitted_code",
  "subscription_plan_id",
  "supply_type",
  "tags",
  "teacher_id",
  "template_css",
  "template_html",
  "text",
  "thumbnail_url",
  "time_limit_seconds",
  "time_spent_seconds",
  "time_taken_seconds",
  "time_zone",
  "title",
  "topic_id",
  "training_session_id",
  "unit",
  "unlock_condition",
  "user_id",
  "user_name",
  "value",
  "website",
  "written_instructions"
];

/** Every table that such a card names. */
export const SHOWN_ENTITIES: readonly string[] = [
  "announcements",
  "answer_keys",
  "assessment_assignments",
  "assessment_attempts",
  "assessments",
  "assignment_submissions",
  "assignments",
  "attendance_records",
  "badges",
  "certificate_templates",
  "certificates",
  "coding_submissions",
  "coding_tasks",
  "coding_test_cases",
  "coding_topics",
  "conflicts",
  "content_items",
  "content_progress",
  "course_facts",
  "course_prerequisites",
  "courses",
  "departments",
  "enrollments",
  "group_membership_periods",
  "group_memberships",
  "groups",
  "guardian_links",
  "held_changes",
  "learning_paths",
  "media_assets",
  "messages",
  "modules",
  "offered_rows",
  "organizations",
  "parent_profiles",
  "path_steps",
  "payments",
  "purchases",
  "question_options",
  "questions",
  "session_attendances",
  "staff_cards",
  "station_equipment",
  "station_gas_supply_sources",
  "station_safety_system_features",
  "station_safety_systems",
  "station_specifications",
  "stations",
  "student_notes",
  "student_profiles",
  "subscription_plans",
  "subscriptions",
  "teacher_profiles",
  "topic_progress",
  "topics",
  "training_sessions",
  "user_badges",
  "user_profiles",
  "users"
];

/** Every word that such a card shows of a column with a choice. */
export const SHOWN_CHOICES: readonly string[] = [
  "absent",
  "accepted",
  "active",
  "additional_document",
  "additional_video",
  "admin",
  "advanced",
  "archived",
  "assigned",
  "assignment",
  "attended",
  "bank",
  "beginner",
  "bulk",
  "cancelled",
  "card",
  "cash",
  "closed",
  "completed",
  "document",
  "draft",
  "dropped",
  "easy",
  "enrolled",
  "error",
  "exam",
  "excused",
  "expired",
  "failed",
  "graded",
  "hard",
  "high",
  "in_progress",
  "instructor",
  "intermediate",
  "laptop",
  "late",
  "learner",
  "learning_outcome",
  "link",
  "live",
  "low",
  "main_pdf",
  "maintenance",
  "medium",
  "meeting",
  "monthly",
  "multiple",
  "normal",
  "numeric",
  "once",
  "ongoing",
  "operational",
  "other",
  "out_of_service",
  "paid",
  "parent",
  "partial",
  "passed",
  "past_due",
  "pending",
  "present",
  "published",
  "quarterly",
  "quiz",
  "refunded",
  "refused",
  "registered",
  "requirement",
  "returned",
  "scheduled",
  "self",
  "server",
  "short_answer",
  "single",
  "submitted",
  "suspended",
  "target_audience",
  "teacher",
  "text",
  "timeout",
  "trialing",
  "true_false",
  "unpaid",
  "urgent",
  "video",
  "waiting",
  "webinar",
  "weekly",
  "workshop",
  "written",
  "yearly"
];

/** Every name of a station's particular. */
export const PARTICULAR_NAMES: readonly string[] = [
  "code",
  "brand",
  "region",
  "phone",
  "email",
  "opening_hours",
  "opened_on",
  "status",
  "latitude",
  "longitude",
  "manufacturer",
  "model",
  "serial_number",
  "quantity",
  "installed_on",
  "supply_type",
  "product",
  "interval_days",
  "contact_phone",
  "kind"
];

/** Every state of a station or of a part of it. */
export const STATION_STATES: readonly string[] = [
  "active",
  "closed",
  "maintenance",
  "operational",
  "out_of_service",
  "primary"
];

/** Every table whose rows are listed. */
export const RECORD_TABLES: readonly string[] = [
  "announcements",
  "answer_keys",
  "assessment_assignments",
  "assessment_attempts",
  "assessments",
  "assignment_submissions",
  "assignments",
  "attendance_records",
  "badges",
  "certificate_templates",
  "certificates",
  "coding_submissions",
  "coding_tasks",
  "coding_test_cases",
  "coding_topics",
  "content_items",
  "content_progress",
  "course_facts",
  "course_prerequisites",
  "courses",
  "departments",
  "devices",
  "enrollments",
  "group_membership_periods",
  "group_memberships",
  "groups",
  "guardian_links",
  "learning_paths",
  "media_assets",
  "messages",
  "modules",
  "organizations",
  "parent_profiles",
  "path_steps",
  "payments",
  "purchases",
  "question_options",
  "questions",
  "session_attendances",
  "station_equipment",
  "station_gas_supply_sources",
  "station_safety_system_features",
  "station_safety_systems",
  "station_specifications",
  "stations",
  "student_notes",
  "student_profiles",
  "subscription_plans",
  "subscriptions",
  "teacher_profiles",
  "topic_progress",
  "topics",
  "training_sessions",
  "user_badges",
  "user_profiles",
  "users"
];

/** Every column of such a table. */
export const RECORD_COLUMNS: readonly string[] = [
  "address",
  "amount_minor",
  "answer_grades",
  "answers",
  "assessment_id",
  "assignment_id",
  "attempt_number",
  "attempts_max",
  "audience",
  "author_id",
  "available_from",
  "available_to",
  "avatar_url",
  "awarded_by",
  "badge_id",
  "balance_minor",
  "billing_cycle",
  "bio",
  "body",
  "brand",
  "certificate_number",
  "certificate_template_id",
  "checked_in_at",
  "checked_out_at",
  "clock_moved",
  "code",
  "coding_task_id",
  "coding_topic_id",
  "company",
  "completed",
  "completed_at",
  "contact_phone",
  "content",
  "content_item_id",
  "course_code",
  "course_id",
  "created_by",
  "criteria",
  "currency",
  "days_of_week",
  "default_language",
  "deleted_at",
  "department_id",
  "description",
  "difficulty",
  "display_name",
  "display_title",
  "domain",
  "due_at",
  "duration_seconds",
  "earned_at",
  "email",
  "email_verified",
  "employee_id",
  "ends_at",
  "enrolled_by",
  "enrollment_type",
  "enrollments_max",
  "error_message",
  "estimated_seconds",
  "expected",
  "expertise",
  "expires_at",
  "explanation",
  "explanations",
  "failed_count",
  "features",
  "feedback",
  "fields",
  "first_name",
  "full_name",
  "given_points",
  "grade",
  "graded_at",
  "graded_by",
  "group_id",
  "handed_in_late",
  "holder_name",
  "image_url",
  "input",
  "installed_on",
  "instructions",
  "instructor_id",
  "interval_days",
  "is_active",
  "is_archived",
  "is_certified",
  "is_default",
  "is_free",
  "is_hidden",
  "is_mandatory",
  "is_pinned",
  "is_primary",
  "is_public",
  "is_required",
  "isolation_strategy",
  "issued_at",
  "joined_at",
  "joined_on",
  "keys",
  "kind",
  "language",
  "last_name",
  "latitude",
  "learning_path_id",
  "left_at",
  "left_on",
  "legacy_number",
  "lesson_date",
  "level",
  "location",
  "logo_url",
  "longitude",
  "manager_id",
  "manufacturer",
  "marked_at",
  "marked_by",
  "mcq_answers",
  "media_asset_id",
  "media_asset_ids",
  "media_type",
  "meeting_url",
  "membership_id",
  "metadata",
  "method",
  "model",
  "module_id",
  "name",
  "note",
  "notes",
  "notify_about_courses",
  "notify_about_deadlines",
  "notify_about_results",
  "notify_by_email",
  "numeric_answers",
  "object_key",
  "opened_on",
  "opening_hours",
  "page",
  "pages",
  "parent_id",
  "parent_message_id",
  "participants_max",
  "passed",
  "passed_count",
  "passing_percent",
  "payment_date",
  "pdf_media_asset_id",
  "percent",
  "phone",
  "photo_url",
  "platform",
  "points",
  "position",
  "prerequisite_course_id",
  "price_minor",
  "priority",
  "product",
  "provider",
  "provider_id",
  "published",
  "published_at",
  "purchased_at",
  "quantity",
  "question_id",
  "question_type",
  "read_at",
  "receipt_number",
  "recipient_id",
  "recipient_name",
  "region",
  "relation",
  "requires_previous",
  "reset_number",
  "revoked_at",
  "revoked_reason",
  "role",
  "runtime_ms",
  "safety_system_id",
  "score_max",
  "score_percent",
  "score_raw",
  "seats_purchased",
  "second",
  "seconds_watched",
  "sender_id",
  "sender_name",
  "serial_number",
  "session_type",
  "settings",
  "sha256",
  "shared",
  "shown",
  "shows_explanations",
  "size_bytes",
  "slug",
  "sort_order",
  "start_time",
  "started_at",
  "starter_code",
  "starts_at",
  "station_id",
  "status",
  "student_id",
  "subject",
  "submission_text",
  "submitted_at",
  "submitted_code",
  "subscription_plan_id",
  "subscription_status",
  "subscription_tier",
  "supply_type",
  "tags",
  "teacher_id",
  "template_css",
  "template_html",
  "text",
  "thumbnail_url",
  "time_limit_seconds",
  "time_spent_seconds",
  "time_taken_seconds",
  "time_zone",
  "title",
  "topic_id",
  "training_session_id",
  "unit",
  "unlock_condition",
  "user_id",
  "user_name",
  "value",
  "website",
  "written_instructions"
];

/** Every word of a choice in such a table. */
export const RECORD_CHOICES: readonly string[] = [
  "DEDICATED",
  "SHARED",
  "absent",
  "active",
  "additional_document",
  "additional_video",
  "admin",
  "administrators",
  "advanced",
  "archived",
  "assigned",
  "assignment",
  "attended",
  "bank",
  "basic",
  "beginner",
  "bulk",
  "cancelled",
  "card",
  "cash",
  "closed",
  "completed",
  "course",
  "course_staff",
  "document",
  "draft",
  "dropped",
  "easy",
  "enrolled",
  "enterprise",
  "error",
  "exam",
  "excused",
  "expired",
  "failed",
  "free",
  "graded",
  "hard",
  "high",
  "in_progress",
  "instructor",
  "intermediate",
  "laptop",
  "late",
  "learner",
  "learning_outcome",
  "link",
  "live",
  "low",
  "main_pdf",
  "maintenance",
  "medium",
  "meeting",
  "monthly",
  "multiple",
  "normal",
  "numeric",
  "once",
  "ongoing",
  "operational",
  "organization",
  "other",
  "out_of_service",
  "paid",
  "parent",
  "partial",
  "passed",
  "past_due",
  "pending",
  "person",
  "premium",
  "present",
  "processing",
  "published",
  "quarterly",
  "quiz",
  "ready",
  "refunded",
  "registered",
  "requirement",
  "returned",
  "scheduled",
  "self",
  "server",
  "short_answer",
  "single",
  "started",
  "submitted",
  "suspended",
  "target_audience",
  "teacher",
  "text",
  "timeout",
  "trial",
  "trialing",
  "true_false",
  "unpaid",
  "urgent",
  "video",
  "webinar",
  "weekly",
  "workshop",
  "written",
  "yearly"
];

/** Every command of the window. */
export interface Commands {
  /** The people on this laptop, and the window's settings. */
  start: { arguments: Nothing; answer: Start };
  /** Signs in with the server. */
  sign_in: { arguments: SignIn; answer: Person };
  /** Asks the server whom a one-time code invites. */
  look_at_code: { arguments: LookAtCode; answer: Invitee };
  /** Signs in with a one-time code and chooses a password. */
  sign_in_with_code: { arguments: SignInWithCode; answer: Person };
  /** Stops waiting for the server's answer to a sign-in or to a code. */
  cancel_sign_in: { arguments: Nothing; answer: Nothing };
  /** Unlocks without the server. */
  unlock: { arguments: Unlock; answer: Person };
  /** Locks; nothing is deleted. */
  lock: { arguments: Nothing; answer: Nothing };
  /** Ends the session at the server and locks. The data and the unsent changes stay on this laptop. */
  sign_out: { arguments: Nothing; answer: Nothing };
  /** Changes theme, language and zoom. */
  set_look: { arguments: Look; answer: Look };
  /** The person's own profile. */
  profile: { arguments: Nothing; answer: Profile };
  /** Changes the person's own profile. */
  edit_profile: { arguments: Profile; answer: Profile };
  /** Changes the person's own password. Needs the server. */
  change_password: { arguments: ChangePassword; answer: Nothing };
  /** Where the person is signed in. Needs the server. */
  own_sessions: { arguments: Nothing; answer: Array<OwnSession> };
  /** Signs the person out on another laptop. Needs the server. */
  end_session: { arguments: ById; answer: Nothing };
  /** Signs the person out on every other laptop. Needs the server. */
  end_other_sessions: { arguments: Nothing; answer: Nothing };
  /** Makes one-time codes for people. For administrators; needs the server. */
  invite: { arguments: Invite; answer: NewInvitations };
  /** A person's invitations, the newest first. For administrators; needs the server. */
  invitations_of: { arguments: ById; answer: Array<Invitation> };
  /** Revokes an invitation. For administrators; needs the server. */
  revoke_invitation: { arguments: ById; answer: Nothing };
  /** The chip's state. */
  sync_status: { arguments: Nothing; answer: SyncStatus };
  /** Syncs now, also when a back-off would wait. */
  sync_now: { arguments: Nothing; answer: SyncStatus };
  /** The Sync centre. */
  sync_centre: { arguments: Nothing; answer: SyncCentre };
  /** Sends a refused change again, corrected. */
  send_again: { arguments: SendAgain; answer: Nothing };
  /** Discards a refused change. */
  discard: { arguments: ByNumber; answer: Nothing };
  /** Writes all refused and unsent changes to a file. */
  export_changes: { arguments: Nothing; answer: WrittenFile };
  /** Settles a conflict. */
  settle: { arguments: Settle; answer: Nothing };
  /** Accepts or refuses a held change. */
  decide_held: { arguments: DecideHeld; answer: Nothing };
  /** Accepts or refuses a row that the server has lost. */
  decide_offered: { arguments: DecideHeld; answer: Nothing };
  /** The home screen. */
  home: { arguments: Nothing; answer: Home };
  /** A course with its contents. */
  course: { arguments: ById; answer: Course };
  /** Changes a course's card. */
  edit_course: { arguments: EditCourse; answer: Course };
  /** The learners of a course. */
  course_learners: { arguments: ById; answer: CourseLearners };
  /** A topic, opened. */
  topic: { arguments: ById; answer: Topic };
  /** Marks a topic done or not done. */
  mark_topic: { arguments: MarkTopic; answer: Topic };
  /** Stores the reading or playing position in a file. */
  note_position: { arguments: NotePosition; answer: Nothing };
  /** Fetches every file of a course. */
  download_course: { arguments: ById; answer: Downloads };
  /** Fetches the files of one topic. */
  download_topic: { arguments: ById; answer: Downloads };
  /** All downloads. */
  downloads: { arguments: Nothing; answer: Downloads };
  /** Pauses downloads until they are resumed. */
  pause_downloads: { arguments: Nothing; answer: Downloads };
  /** Resumes downloads, failed ones too. */
  resume_downloads: { arguments: Nothing; answer: Downloads };
  /** Removes those files of a course from this laptop that no other course needs. */
  remove_downloads: { arguments: ById; answer: Downloads };
  /** Begins a test or continues the unfinished attempt. */
  start_attempt: { arguments: StartAttempt; answer: Attempt };
  /** An attempt, opened. */
  attempt: { arguments: ById; answer: Attempt };
  /** Stores one answer. */
  answer: { arguments: Answer; answer: Nothing };
  /** Hands a test in. */
  hand_in: { arguments: ById; answer: Attempt };
  /** Groups that this person teaches. */
  groups: { arguments: Nothing; answer: Array<GroupCard> };
  /** A part of the attendance grid. */
  grid: { arguments: GridRange; answer: Grid };
  /** Sets marks. */
  set_marks: { arguments: SetMarks; answer: Nothing };
  /** A group's learners by their points for coding tasks. */
  coding_ranking: { arguments: ById; answer: CodingRanking };
  /** Opens a person's page: an administrator's laptop follows that person's rows from now on. */
  open_person: { arguments: ById; answer: PersonPage };
  /** A person's page, read again. */
  person_page: { arguments: ById; answer: PersonPage };
  /** Keeps a followed person's rows on this laptop, however many others are opened, or no longer. */
  pin_person: { arguments: PinPerson; answer: PersonPage };
  /** Lets a followed person go: their rows leave this laptop. */
  let_go_of_person: { arguments: ById; answer: Nothing };
  /** Stations of the organization. */
  stations: { arguments: Nothing; answer: Array<StationCard> };
  /** A station with everything that belongs to it. */
  station: { arguments: ById; answer: Station };
  /** Tables that this person may see, with their columns. */
  tables: { arguments: Nothing; answer: Array<RecordTable> };
  /** A page of a table's rows. */
  records: { arguments: RecordsQuery; answer: RecordPage };
  /** A row, opened. */
  record: { arguments: RowOf; answer: OpenedRecord };
  /** Rows that a reference may name. */
  find_references: { arguments: FindReferences; answer: Array<Named> };
  /** Makes and changes rows, all or none. */
  save_records: { arguments: SaveRecords; answer: SavedRecords };
  /** Deletes rows and what goes with them, all or none. */
  remove_records: { arguments: RowsNamed; answer: SavedRecords };
  /** Takes back what a save or a delete did. */
  undo_records: { arguments: UndoRecords; answer: SavedRecords };
  /** What happened to a row, from the server's audit log. */
  record_history: { arguments: HistoryOf; answer: RecordHistory };
  /** Writes a list to a file. */
  export_records: { arguments: ExportRecords; answer: WrittenFile };
  /** What a file contains, and which columns it fills. */
  read_import: { arguments: ReadImport; answer: ImportFile };
  /** Imports a file, all or nothing, or says what that would do. */
  import_records: { arguments: ImportRecords; answer: ImportReport };
  /** Which other rows a delete removes or clears, to show before it is done. */
  deletion: { arguments: RowOf; answer: Deletion };
}
