"""The small words in which the courses are written down: one function for each
kind of question, so that a test reads like a test."""

TRUE_FALSE = {"en": ("True", "False"), "ru": ("Верно", "Неверно"), "az": ("Doğru", "Yanlış")}


def _choice(kind, text, options, why, points):
    return {
        "type": kind,
        "text": text,
        "points": points,
        "explanation": why,
        "options": [{"text": o.removeprefix("*"), "correct": o.startswith("*")} for o in options],
    }


def single(text, options, why, points=1):
    """One right option, marked with a star."""
    return _choice("single", text, options, why, points)


def multiple(text, options, why, points=2):
    """All options with a star must be chosen and no other."""
    return _choice("multiple", text, options, why, points)


def true_false(text, answer, why, points=1):
    """The options get their words in the course's language in `finished`."""
    return {"type": "true_false", "text": text, "points": points, "explanation": why, "answer": answer}


def numeric(text, answer, tolerance, why, points=2):
    return {"type": "numeric", "text": text, "points": points, "explanation": why,
            "answer": answer, "tolerance": tolerance}


def short(text, accepted, why, points=2):
    return {"type": "short_answer", "text": text, "points": points, "explanation": why, "accepted": accepted}


def written(text, why, points=5):
    """Read by a person; `why` tells the reader what a good answer holds."""
    return {"type": "written", "text": text, "points": points, "explanation": why}


def test(title, passing_percent, *questions, time_limit_seconds=None):
    made = {"title": title, "passing_percent": passing_percent}
    if time_limit_seconds:
        made["time_limit_seconds"] = time_limit_seconds
    return {**made, "questions": list(questions)}


def topic(title, description, keywords, film=None, card=None):
    """`film` and `card` are the titles of the video and of the extra sheet, if any."""
    return {"title": title, "description": description, "keywords": keywords, "film": film, "card": card}


def module(title, description, topics, lesson_test):
    return {"title": title, "description": description, "topics": topics, "lesson_test": lesson_test}


def finished(question, language):
    if question["type"] != "true_false":
        return question
    answer = question["answer"]
    yes, no = TRUE_FALSE[language]
    rest = {k: v for k, v in question.items() if k != "answer"}
    return {**rest, "options": [{"text": yes, "correct": answer}, {"text": no, "correct": not answer}]}
