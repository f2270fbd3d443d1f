#!/usr/bin/env python3
"""Makes the demonstration's PDFs, films, `courses.json` and `organization.json`
from the sources in this folder, and checks that they agree.

    pip install typst==0.15.0 pypdf
    apt-get install ffmpeg espeak-ng librsvg2-bin fonts-inter
    python3 build.py             everything
    python3 build.py --no-films  keep the films that are there
    python3 build.py --check     only check what is there

The same versions of the tools make the same bytes. Inter and Libertinus Serif
are under the SIL Open Font License; all words and pictures are our own.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent
MEDIA = DEMO / "media"
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE / "catalogue"))

import customer_service, lpg_handling, riyaziyyat_7, safety_basics  # noqa: E402
from organization import organization  # noqa: E402
from words import finished  # noqa: E402
import films  # noqa: E402

COURSES = [safety_basics.COURSE, lpg_handling.COURSE, riyaziyyat_7.COURSE, customer_service.COURSE]
MODULE_WORD = {"en": "Module {}. {}", "ru": "Модуль {}. {}", "az": "Modul {}. {}"}
FONTS = ["/usr/share/fonts/opentype/inter"]

MEDIA_BYTES_MAX = 6_000_000
FILM_BYTES_MAX = 600_000
FILM_SECONDS = (15, 30)
MAIN_PDF_PAGES = (3, 5)
LESSON_QUESTIONS = (5, 6)
FINAL_QUESTIONS = (8, 10)


def slug(words):
    """A file name that survives every file system: Latin letters, digits, hyphens."""
    table = str.maketrans(dict(zip("абвгдеёзийклмнопрстуфхцыэəğıöüçş", "abvgdeezijklmnoprstufhcyeegioucs"))
                          | {"ж": "zh", "ч": "ch", "ш": "sh", "щ": "sch", "ю": "ju", "я": "ja", "ь": "", "ъ": ""})
    return re.sub(r"[^a-z0-9]+", "-", words.lower().replace("i̇", "i").translate(table)).strip("-")


def sheets(course):
    """Every PDF: its source, its file, its role, its title and what the head says."""
    for m, module in enumerate(course["modules"], 1):
        for t, topic in enumerate(module["topics"], 1):
            place = f"{course['slug']}/{m}-{t}"
            head = {
                "course": course["title"], "lang": course["language"], "accent": course["accent"],
                "module": MODULE_WORD[course["language"]].format(m, module["title"]),
                "code": f"{course['code']} / {m}.{t}", "keywords": "|".join(topic["keywords"]),
                "description": topic["description"],
            }
            yield topic, "main_pdf", place, f"{place}-{slug(topic['title'])}.pdf", {**head, "title": topic["title"]}
            if topic["card"]:
                yield topic, "additional_document", f"{place}-card", f"{place}-{slug(topic['card'])}.pdf", {
                    **head, "title": topic["card"], "description": topic["title"]}


def film_file(place, topic):
    return f"{place}-{slug(topic['film'])}.mp4"


def build_sheets():
    import typst
    for course in COURSES:
        for _, _, source, file, head in sheets(course):
            output = MEDIA / file
            output.parent.mkdir(parents=True, exist_ok=True)
            typst.compile(str(HERE / "topics" / f"{source}.typ"), output=str(output), root=str(HERE), font_paths=FONTS, sys_inputs=head)


def build_films():
    with tempfile.TemporaryDirectory() as scratch:
        for course in COURSES:
            for topic, role, place, _, _ in sheets(course):
                if topic["film"] and role == "main_pdf":
                    films.make_film(place, MEDIA / film_file(place, topic), scratch)


def item(role, kind, title, file):
    content = (MEDIA / file).read_bytes()
    made = {"role": role, "kind": kind, "title": title, "file": file,
            "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    if kind == "video":
        return {**made, "duration_seconds": round(films.seconds_of(MEDIA / file), 2)}
    from pypdf import PdfReader
    return {**made, "pages": len(PdfReader(MEDIA / file).pages)}


def course_tree(course):
    items = {}
    for topic, role, place, file, head in sheets(course):
        mine = items.setdefault(id(topic), [])
        if role == "main_pdf":
            mine.append(item("main_pdf", "document", head["title"], file))
            if topic["film"]:
                mine.append(item("additional_video", "video", topic["film"], film_file(place, topic)))
        else:
            mine.append(item("additional_document", "document", head["title"], file))

    def test(made):
        return {**made, "questions": [finished(q, course["language"]) for q in made["questions"]]}

    tree = {k: v for k, v in course.items() if k not in ("accent", "modules", "final_test")}
    tree["modules"] = [
        {"title": m["title"], "description": m["description"],
         "topics": [{"title": t["title"], "description": t["description"], "items": items[id(t)]} for t in m["topics"]],
         "lesson_test": test(m["lesson_test"])} for m in course["modules"]]
    tree["final_test"] = test(course["final_test"])
    return tree


def write_json(file, value):
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def check_question(q, where, final):
    assert q["text"] and q["explanation"] and q["points"] > 0, where
    right = [o["correct"] for o in q.get("options", [])]
    kind = q["type"]
    if kind in ("single", "true_false"):
        assert sum(right) == 1 and len(right) >= 2, where
        assert kind != "true_false" or len(right) == 2, where
    elif kind == "multiple":
        assert 2 <= sum(right) < len(right), where
    elif kind == "numeric":
        assert q["tolerance"] >= 0 and isinstance(q["answer"], (int, float)), where
    elif kind == "short_answer":
        assert q["accepted"] and all(q["accepted"]), where
    else:
        assert kind == "written" and final, where
    texts = [o["text"] for o in q.get("options", [])]
    assert len(texts) == len(set(texts)), where


def check_courses(courses):
    from pypdf import PdfReader
    named = set()
    for course in courses:
        kinds = set()
        tests = [(m["lesson_test"], False) for m in course["modules"]] + [(course["final_test"], True)]
        for made, final in tests:
            low, high = FINAL_QUESTIONS if final else LESSON_QUESTIONS
            assert low <= len(made["questions"]) <= high, made["title"]
            for q in made["questions"]:
                check_question(q, f"{course['slug']}: {q['text']}", final)
                kinds.add(q["type"])
        written = sum(q["type"] == "written" for q in course["final_test"]["questions"])
        assert written == (0 if course["slug"] == "safety-basics" else 1), course["slug"]
        assert kinds >= {"single", "multiple", "true_false", "numeric", "short_answer"}, (course["slug"], kinds)
        for topic in (t for m in course["modules"] for t in m["topics"]):
            assert [i["role"] for i in topic["items"]].count("main_pdf") == 1, topic["title"]
            for i in topic["items"]:
                content = (MEDIA / i["file"]).read_bytes()
                named.add(i["file"])
                assert len(content) == i["size_bytes"] and hashlib.sha256(content).hexdigest() == i["sha256"], i["file"]
                if i["kind"] == "video":
                    assert FILM_SECONDS[0] <= i["duration_seconds"] <= FILM_SECONDS[1] and len(content) <= FILM_BYTES_MAX, i
                    assert content.index(b"moov") < content.index(b"mdat"), i["file"]
                    probe = json.loads(subprocess.check_output(["ffprobe", "-v", "error", "-show_streams", "-of", "json", MEDIA / i["file"]]))["streams"]
                    assert {s["codec_name"] for s in probe} == {"h264", "aac"}, i["file"]
                else:
                    pdf = PdfReader(MEDIA / i["file"])
                    assert pdf.metadata.title == i["title"] and pdf.trailer["/Root"]["/Lang"] == course["language"], i["file"]
                    if i["role"] == "main_pdf":
                        assert MAIN_PDF_PAGES[0] <= i["pages"] <= MAIN_PDF_PAGES[1], i
                    words = pdf.pages[0].extract_text()
                    assert i["title"].split()[0] in words and "\ufffd" not in words, i["file"]
    present = {str(f.relative_to(MEDIA)) for f in MEDIA.rglob("*") if f.is_file()}
    assert present == named, present ^ named
    total = sum((MEDIA / f).stat().st_size for f in present)
    assert total <= MEDIA_BYTES_MAX, total
    return len(present), total


def check_organization(whole, courses):
    people = {p["user_name"]: p for p in whole["people"]}
    assert len(people) == len(whole["people"]) == len({p["full_name"] for p in whole["people"]})
    slugs = {c["slug"] for c in courses}
    stations = {s["code"] for s in whole["stations"]}
    for p in people.values():
        assert re.fullmatch(r"[a-z]+", p["user_name"]) and p["language"] in ("en", "ru", "az"), p
        assert set(p.get("enrolled_in", [])) | set(p.get("instructor_of", [])) <= slugs, p
        assert p.get("station", "ABS-01") in stations, p
        assert all(people[c]["role"] == "learner" and people[c].get("groups") for c in p.get("children", [])), p
    for g in whole["school"]["groups"]:
        assert people[g["teacher"]]["role"] == "teacher" and 10 <= len(g["members"]) <= 14, g["code"]
        assert all(g["code"] in people[m]["groups"] for m in g["members"]), g["code"]
        assert set(g["days_of_week"]) <= set(range(1, 8)) and re.fullmatch(r"\d\d:\d\d", g["start_time"]), g["code"]
    for c in slugs:
        assert any(c in p.get("instructor_of", []) for p in people.values()), c
    return len(people)


def main(*flags):
    if "--check" not in flags:
        if "--no-films" not in flags:
            shutil.rmtree(MEDIA, ignore_errors=True)
        for old in MEDIA.rglob("*.pdf"):
            old.unlink()
        build_sheets()
        if "--no-films" not in flags:
            build_films()
        write_json(DEMO / "courses.json", {"courses": [course_tree(c) for c in COURSES]})
        write_json(DEMO / "organization.json", organization())
    courses = json.loads((DEMO / "courses.json").read_text("utf-8"))["courses"]
    files, size_bytes = check_courses(courses)
    people = check_organization(json.loads((DEMO / "organization.json").read_text("utf-8")), courses)
    print(f"{files} files, {size_bytes} bytes, {people} people: all agree")


if __name__ == "__main__":
    main(*sys.argv[1:])
