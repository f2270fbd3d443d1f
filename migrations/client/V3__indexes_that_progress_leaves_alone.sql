-- Somebody's progress changes with every page that they turn, and an index over `updated_at` was encrypted and written anew
-- each time. A learner has some hundreds of such rows: finding them by person and sorting them costs less.

DROP INDEX topic_progress_by_user;
CREATE INDEX topic_progress_by_user ON topic_progress (user_id);
DROP INDEX content_progress_by_user;
CREATE INDEX content_progress_by_user ON content_progress (user_id);
