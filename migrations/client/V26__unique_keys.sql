-- A laptop looks for a row with the same key before it stores a change. The server's own constraints stay the authority, so the
-- indexes are not unique: a key may be shared here while a change waits for the server's answer.
CREATE INDEX users_by_user_name ON users (lower(user_name)) WHERE user_name IS NOT NULL;
CREATE INDEX users_by_email ON users (lower(email)) WHERE email IS NOT NULL;
CREATE INDEX users_by_employee ON users (employee_id) WHERE employee_id IS NOT NULL;
CREATE INDEX stations_by_code ON stations (code) WHERE code IS NOT NULL;
CREATE INDEX courses_by_slug ON courses (slug) WHERE slug IS NOT NULL;
CREATE INDEX courses_by_code ON courses (course_code) WHERE course_code IS NOT NULL;
CREATE INDEX departments_by_code ON departments (code);
