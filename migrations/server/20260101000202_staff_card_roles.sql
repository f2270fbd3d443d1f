-- The roles of a card are copied from the account, where they are checked. Checked here too, so that a program that writes
-- cards itself cannot store a role that no laptop knows.
ALTER TABLE staff_cards ADD CONSTRAINT staff_cards_role_check CHECK (role IN ('admin', 'instructor', 'teacher', 'learner', 'parent'));
