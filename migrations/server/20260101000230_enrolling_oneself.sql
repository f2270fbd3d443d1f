-- Who may enroll themselves in a course: rules over several rows that the database decides, for a push and for any other program.
-- `crates/model/src/rules` has the same rules for the laptops; a test gives both the same random facts and compares the answers.

-- Requests read these views under the role that row-level security binds: the views see what that role sees.
ALTER VIEW module_progress SET (security_invoker = true);
ALTER VIEW course_progress SET (security_invoker = true);
ALTER VIEW coding_progress SET (security_invoker = true);
ALTER VIEW organization_seats SET (security_invoker = true);

-- Whether a course costs nothing, was bought by this person, or is included in one of their current subscriptions. A plan includes
-- every course, or those that its features name.
CREATE FUNCTION course_is_paid_for(person uuid, course uuid, moment timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT c.price_minor = 0
            OR EXISTS (SELECT FROM purchases p WHERE p.user_id = person AND p.course_id = c.id AND p.status = 'completed')
            OR EXISTS (
                SELECT FROM subscriptions s JOIN subscription_plans n ON n.id = s.subscription_plan_id
                WHERE s.user_id = person AND s.status IN ('trialing', 'active')
                    AND s.starts_at <= moment AND (s.ends_at IS NULL OR moment < s.ends_at)
                    AND CASE
                        WHEN jsonb_typeof(n.features) <> 'object' OR NOT n.features ? 'courses' THEN true
                        WHEN jsonb_typeof(n.features -> 'courses') <> 'array' THEN false
                        ELSE n.features -> 'courses' ? c.id::text
                    END
            )
        FROM courses c WHERE c.id = course
    ), false)
$$;

-- Whether a person has completed a course: recorded so, or every required module is completed.
CREATE FUNCTION course_is_completed(person uuid, course uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT p.status = 'completed' OR (p.status <> 'dropped' AND p.modules_total > 0 AND p.modules_completed = p.modules_total)
        FROM course_progress p WHERE p.user_id = person AND p.course_id = course
    ), false)
$$;

-- Whether a person has yet to complete a mandatory prerequisite. One that is not published is not asked for: nobody could take it.
CREATE FUNCTION course_misses_prerequisite(person uuid, course uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM course_prerequisites r JOIN courses c ON c.id = r.prerequisite_course_id AND c.published
        WHERE r.course_id = course AND r.is_mandatory AND NOT course_is_completed(person, c.id)
    )
$$;

-- Whether an organization has a seat for each of its people. The free tier has no seats to count.
CREATE FUNCTION seats_suffice(organization uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT o.subscription_tier = 'free' OR s.seats_used <= s.seats_purchased
        FROM organizations o JOIN organization_seats s ON s.organization_id = o.id WHERE o.id = organization
    ), true)
$$;

-- Somebody enrolls themselves in a published course that is public or that they have bought, that is paid for, whose prerequisites
-- they have completed, while there are seats.
CREATE OR REPLACE FUNCTION enrollment_of_oneself() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open_to_person boolean;
BEGIN
    IF NEW.enrollment_type <> 'self' OR current_setting('waystation.unchecked', true) = 'on'
        OR EXISTS (SELECT FROM enrollments e WHERE e.id = NEW.id)
    THEN
        RETURN NEW;
    END IF;
    SELECT c.published AND (
        c.is_public OR EXISTS (SELECT FROM purchases p WHERE p.user_id = NEW.user_id AND p.course_id = c.id AND p.status = 'completed')
    ) INTO open_to_person FROM courses c WHERE c.id = NEW.course_id;
    IF open_to_person IS NULL THEN
        -- No such course: the foreign key refuses it.
        RETURN NEW;
    END IF;
    IF NOT open_to_person THEN
        RAISE EXCEPTION 'this course is not open to everybody'
            USING ERRCODE = 'check_violation', TABLE = 'enrollments', COLUMN = 'course_id', CONSTRAINT = 'enrollments_self_check',
                HINT = 'An enrollment that somebody else makes has the type assigned or bulk.';
    ELSIF NOT course_is_paid_for(NEW.user_id, NEW.course_id, now()) THEN
        RAISE EXCEPTION 'this course has to be bought or subscribed to'
            USING ERRCODE = 'WS005', TABLE = 'enrollments', COLUMN = 'course_id', CONSTRAINT = 'enrollments_course_id_check';
    ELSIF course_misses_prerequisite(NEW.user_id, NEW.course_id) THEN
        RAISE EXCEPTION 'a course that comes before this one is not completed'
            USING ERRCODE = 'WS006', TABLE = 'enrollments', COLUMN = 'course_id', CONSTRAINT = 'enrollments_course_id_check';
    ELSIF NOT seats_suffice(NEW.organization_id) THEN
        RAISE EXCEPTION 'the organization has more people than seats'
            USING ERRCODE = 'WS007', TABLE = 'enrollments', COLUMN = 'course_id', CONSTRAINT = 'enrollments_course_id_check';
    END IF;
    RETURN NEW;
END $$;
