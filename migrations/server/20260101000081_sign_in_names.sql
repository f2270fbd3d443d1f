-- People sign in with a user name or an e-mail address, and nothing says which of the two was typed. So both share one space:
-- a name that is another person's address would make two accounts answer to one text.
--
-- The two unique indexes of `users` stay. They know nothing of each other, and a trigger that only looks cannot see what
-- another transaction is about to commit, so the shared space is a table with a primary key of its own.
CREATE TABLE sign_in_names (
    -- In lower case, as sign-in compares it.
    name    text PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE
);
CREATE INDEX sign_in_names_by_user ON sign_in_names (user_id);

-- Where two accounts share a text already, the address has it. The other account keeps its name, and sign-in goes on
-- comparing the password with both.
INSERT INTO sign_in_names (name, user_id) SELECT lower(u.email), u.id FROM users u WHERE u.email <> '' ON CONFLICT (name) DO NOTHING;
INSERT INTO sign_in_names (name, user_id) SELECT lower(u.user_name), u.id FROM users u WHERE u.user_name <> '' ON CONFLICT (name) DO NOTHING;

-- Takes a text for an account. It waits for another transaction that is taking the same one.
CREATE FUNCTION take_sign_in_name(text_given text, taker uuid, at_column text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sign_in_names (name, user_id) VALUES (lower(text_given), taker) ON CONFLICT (name) DO NOTHING;
    IF NOT EXISTS (SELECT FROM sign_in_names n WHERE n.name = lower(text_given) AND n.user_id = taker) THEN
        RAISE EXCEPTION 'another account signs in with this text (users_%_key)', at_column
            USING ERRCODE = 'unique_violation', TABLE = 'users', COLUMN = at_column, CONSTRAINT = 'users_' || at_column || '_key';
    END IF;
END $$;

CREATE FUNCTION user_sign_in_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM sign_in_names n
        WHERE n.user_id = NEW.id AND n.name IS DISTINCT FROM lower(NEW.user_name) AND n.name IS DISTINCT FROM lower(NEW.email);
    END IF;
    -- What did not change is not asked again: an account from before may share its name.
    IF NEW.user_name <> '' AND (TG_OP = 'INSERT' OR NEW.user_name IS DISTINCT FROM OLD.user_name) THEN
        PERFORM take_sign_in_name(NEW.user_name, NEW.id, 'user_name');
    END IF;
    IF NEW.email <> '' AND (TG_OP = 'INSERT' OR NEW.email IS DISTINCT FROM OLD.email) THEN
        PERFORM take_sign_in_name(NEW.email, NEW.id, 'email');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER names_made AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION user_sign_in_names();
CREATE TRIGGER names_changed AFTER UPDATE ON users FOR EACH ROW
WHEN (OLD.user_name IS DISTINCT FROM NEW.user_name OR OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION user_sign_in_names();
