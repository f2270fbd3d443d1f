"""The demonstration organization: two filling stations, a school, sixty-odd
people. All names are invented; mail addresses use example.org."""

ORGANIZATION = {
    "name": "Xəzər Yolüstü Xidmətlər", "slug": "xezer-yolustu",
    "description": "Runs two filling stations on the Baku–Ganja road and an evening school for its neighbourhood.",
    "default_language": "az", "time_zone": "Asia/Baku", "currency": "AZN",
}


def features(name, kind, description, *texts):
    return {"name": name, "kind": kind, "description": description, "features": list(texts)}


def gear(name, manufacturer, model, serial, installed, status="operational", note=None):
    return {"name": name, "manufacturer": manufacturer, "model": model, "serial_number": serial,
            "installed_on": installed, "status": status, **({"note": note} if note else {})}


def figures(*rows):
    return [{"key": k, "value": v, "unit": u} for k, v, u in rows]


STATIONS = [
    {
        "code": "ABS-01", "name": "Abşeron", "brand": "Xəzər Yanacaq", "region": "Abşeron",
        "address": "Bakı–Sumqayıt şosesi, 17-ci km, Xırdalan AZ0101", "phone": "+994 12 555 01 17",
        "email": "abseron@example.org", "latitude": 40.4581, "longitude": 49.7412,
        "description": "Multi-fuel station on the coast road: four dispensers, autogas, a shop and a car wash; open day and night.",
        "opened_on": "2014-05-20", "opening_hours": "00:00–24:00",
        "gas_supply_sources": [
            {"name": "Qaradağ gas filling base", "supply_type": "road tanker", "product": "LPG, propane–butane", "is_primary": True, "interval_days": 6, "contact_phone": "+994 12 555 20 40"},
            {"name": "Sumqayıt reserve depot", "supply_type": "road tanker", "product": "LPG, winter mixture", "is_primary": False, "interval_days": None, "contact_phone": "+994 18 555 31 02"},
        ],
        "equipment": [
            gear("Dispenser 1", "Gilbarco Veeder-Root", "SK700-2", "SK7-14-208811", "2014-04-28"),
            gear("Dispenser 2", "Gilbarco Veeder-Root", "SK700-2", "SK7-14-208812", "2014-04-28"),
            gear("Dispenser 3, diesel high flow", "Tatsuno", "Ocean Tower", "OT-19-00457", "2019-09-12"),
            gear("Autogas dispenser", "Tokheim", "Quantium 510 LPG", "Q510L-21-1184", "2021-03-03"),
            gear("LPG pump", "Corken", "Z2000", "Z2-21-77310", "2021-03-03"),
            gear("LPG vessel, 10 m³", "Deponaz", "DP-10", "DP10-20-0339", "2021-02-15"),
            gear("Tank gauge", "Gilbarco Veeder-Root", "TLS4", "TLS4-19-51026", "2019-09-12"),
            gear("Standby generator", "Cummins", "C44 D5", "C44-16-90217", "2016-11-07", "maintenance", "Injector service booked"),
            gear("Car wash", "Kärcher", "CB 3/28", "CB3-18-10094", "2018-06-01"),
        ],
        "specifications": figures(
            ("Petrol storage", "60000", "l"), ("Diesel storage", "40000", "l"), ("LPG storage", "10", "m³"),
            ("LPG filling limit", "85", "%"), ("Dispensers", "4", "pcs"), ("Fuelling places", "8", "pcs"),
            ("Design pressure of the LPG vessel", "1.6", "MPa"), ("Average sale", "14500", "l/day"), ("Staff per shift", "4", "people")),
        "safety_systems": [
            features("Gas detection", "detection", "Six sensors in the pits, at the pump and in the shop.", "First alarm at 20 % of the lower limit", "Closes all valves at 50 %", "Sensors calibrated every six months", "Battery for eight hours"),
            features("Emergency stop", "shutdown", "Cuts the current and closes the line valves.", "Buttons at the till and on the outer wall", "Acts within one second", "Tested every week"),
            features("Water spray on the LPG vessel", "cooling", "A ring main that wets the whole shell.", "10 l/min for each square metre", "Started from the office or at the fence", "Water for 90 minutes"),
            features("Fire extinguishing", "fire", "Portable and wheeled extinguishers with sand boxes.", "Six 9 kg powder extinguishers", "One 50 kg wheeled unit at the tanker stand", "Two boxes of dry sand"),
        ],
    },
    {
        "code": "GNC-02", "name": "Gəncə Şərq", "brand": "Xəzər Yanacaq", "region": "Gəncə-Daşkəsən",
        "address": "Heydər Əliyev prospekti 402, Gəncə AZ2014", "phone": "+994 22 555 04 02",
        "email": "gence@example.org", "latitude": 40.6934, "longitude": 46.4187,
        "description": "Smaller station at the eastern gate of Ganja with petrol, diesel, autogas and a training room for twelve people.",
        "opened_on": "2018-10-05", "opening_hours": "06:00–24:00",
        "gas_supply_sources": [
            {"name": "Yevlax LPG terminal", "supply_type": "road tanker", "product": "LPG, propane–butane", "is_primary": True, "interval_days": 9, "contact_phone": "+994 22 555 61 10"},
            {"name": "Gəncə city gas main", "supply_type": "pipeline", "product": "Natural gas, for heating only", "is_primary": False, "interval_days": None, "contact_phone": "+994 22 555 10 04"},
        ],
        "equipment": [
            gear("Dispenser 1", "Wayne", "Helix 6000", "HX6-18-33071", "2018-09-10"),
            gear("Dispenser 2", "Wayne", "Helix 6000", "HX6-18-33072", "2018-09-10"),
            gear("Autogas dispenser", "Wayne", "Helix 5000 LPG", "HX5-18-20915", "2018-09-10", "out_of_service", "Meter sent for verification"),
            gear("LPG pump", "Blackmer", "LGLD2", "LG2-18-60442", "2018-09-14"),
            gear("LPG vessel, 8 m³", "Deponaz", "DP-8", "DP8-18-0127", "2018-08-30"),
            gear("Tank gauge", "OPW", "SiteSentinel Nano", "NANO-18-7741", "2018-09-12"),
            gear("Compressor", "Atlas Copco", "GX 4", "GX4-20-15088", "2020-04-22"),
        ],
        "specifications": figures(
            ("Petrol storage", "40000", "l"), ("Diesel storage", "20000", "l"), ("LPG storage", "8", "m³"),
            ("LPG filling limit", "85", "%"), ("Dispensers", "3", "pcs"), ("Fuelling places", "6", "pcs"),
            ("Average sale", "8200", "l/day"), ("Seats in the training room", "12", "pcs")),
        "safety_systems": [
            features("Gas detection", "detection", "Four sensors at the vessel, the pump and in the pits.", "First alarm at 20 % of the lower limit", "Second alarm at 50 % closes the valves", "Display in the operator's room"),
            features("Emergency stop", "shutdown", "Three buttons, one of them at the LPG fence.", "Cuts all pumps", "Sends a message to the manager"),
            features("Lightning and static protection", "electrical", "Earth ring with a monitored tanker clamp.", "Clamp must show contact before the pump starts", "Measured every spring", "Lightning masts at the vents"),
        ],
    },
]

SCHOOL = {
    "code": "MKT-03", "name": "Abşeron Axşam Məktəbi", "address": "Mehdi Hüseynzadə küçəsi 8, Xırdalan AZ0100",
    "phone": "+994 12 555 03 80", "email": "mekteb@example.org", "latitude": 40.4486, "longitude": 49.7559,
    "description": "Evening school for the neighbourhood: mathematics for the seventh form in four groups.",
}

# code, days (1 is Monday), time, teacher, room
GROUPS = [
    ("Qrup1", [1, 4], "11:00", "nigar", "12"),
    ("Qrup2", [2, 5], "15:30", "nigar", "12"),
    ("Qrup3", [1, 3, 5], "17:00", "kamran", "7"),
    ("Qrup4", [6], "10:00", "kamran", "7"),
]

# user name, full name, language, more
STAFF = [
    ("admin", "Fərid Rzayev", "en", {"role": "admin", "title": "Administrator"}),
    ("gulnar", "Gülnar Hacıyeva", "az", {"role": "admin", "title": "Head of training"}),
    ("rustam", "Rustam Orlov", "en", {"role": "instructor", "station": "ABS-01", "title": "Safety instructor", "instructor_of": ["safety-basics"]}),
    ("elena", "Elena Sokolova", "ru", {"role": "instructor", "station": "GNC-02", "title": "Instructor for LPG and service", "instructor_of": ["lpg-handling", "customer-service"]}),
    ("nigar", "Nigar Əliyeva", "az", {"role": "teacher", "title": "Teacher of mathematics", "instructor_of": ["riyaziyyat-7"]}),
    ("kamran", "Kamran Quliyev", "az", {"role": "teacher", "title": "Teacher of mathematics"}),
]
# user name, full name, language, station, courses
TRAINEES = [
    ("aysel", "Aysel Məmmədova", "en", "ABS-01", ["safety-basics", "lpg-handling"]),
    ("murad", "Murad İsmayılov", "en", "ABS-01", ["safety-basics", "customer-service"]),
    ("rashad", "Rəşad Babayev", "az", "ABS-01", ["safety-basics", "lpg-handling", "customer-service"]),
    ("dmitri", "Дмитрий Волков", "ru", "ABS-01", ["safety-basics", "lpg-handling"]),
    ("oksana", "Оксана Петренко", "ru", "GNC-02", ["lpg-handling", "customer-service"]),
    ("samir", "Samir Həsənov", "az", "GNC-02", ["safety-basics", "lpg-handling"]),
    ("james", "James Whitfield", "en", "GNC-02", ["safety-basics", "customer-service"]),
    ("lala", "Lalə Cəfərova", "az", "GNC-02", ["customer-service"]),
]
# user name, full name, children
PARENTS = [
    ("sevda", "Sevda Kərimova", "az", ["leyla", "tural"]),
    ("vuqar", "Vüqar Nəbiyev", "az", ["nurlan"]),
    ("irina", "Ирина Кузнецова", "ru", ["maksim", "sofia"]),
    ("anar", "Anar Şükürov", "az", ["fidan"]),
    ("helen", "Helen Carter", "en", ["oliver"]),
]
PUPILS = {
    "Qrup1": [("leyla", "Leyla Kərimova"), ("nurlan", "Nurlan Nəbiyev"), ("fidan", "Fidan Şükürova"), ("orxan", "Orxan Mehdiyev"),
              ("gunay", "Günay Abbasova"), ("emin", "Emin Səfərov"), ("zehra", "Zəhra Qasımova"), ("ilkin", "İlkin Tağıyev"),
              ("maksim", "Максим Кузнецов"), ("ayan", "Ayan Vəliyeva"), ("tunar", "Tunar Bağırov")],
    "Qrup2": [("tural", "Tural Kərimov"), ("sofia", "София Кузнецова"), ("elvin", "Elvin Ağayev"), ("nermin", "Nərmin Süleymanova"),
              ("cavid", "Cavid Rüstəmov"), ("aytac", "Aytac Hüseynli"), ("ramin", "Ramin Əzizov"), ("ulker", "Ülkər Nağıyeva"),
              ("oliver", "Oliver Carter"), ("mehri", "Mehri Ələkbərova")],
    "Qrup3": [("ferhad", "Fərhad Yusifov"), ("sebine", "Səbinə Mirzəyeva"), ("kenan", "Kənan Əhmədov"), ("narmina", "Narminə Zeynalova"),
              ("artyom", "Артём Лебедев"), ("tofiq", "Tofiq Cavadov"), ("arzu", "Arzu İbrahimova"), ("huseyn", "Hüseyn Qurbanov"),
              ("melek", "Mələk Sadıqova"), ("rauf", "Rauf Dadaşov"), ("daria", "Дарья Смирнова"), ("elnur", "Elnur Paşayev")],
    "Qrup4": [("xeyal", "Xəyal Novruzov"), ("sara", "Sara Eyvazova"), ("amin", "Amin Muradlı"), ("lamiye", "Lamiyə Xəlilova"),
              ("timur", "Тимур Гасанов"), ("aylin", "Aylin Rəhimli"), ("subhan", "Sübhan Orucov"), ("nazli", "Nazlı Fərzəliyeva"),
              ("veli", "Vəli Məlikov"), ("emily", "Emily Brooks")],
}
LANGUAGE_OF = {"maksim": "ru", "sofia": "ru", "artyom": "ru", "daria": "ru", "timur": "ru", "oliver": "en", "emily": "en"}


def person(user_name, full_name, language, role, **more):
    return {"user_name": user_name, "full_name": full_name, "email": f"{user_name}@example.org",
            "role": role, "language": language, **more}


def organization():
    people = [person(u, n, lang, more["role"], **{k: v for k, v in more.items() if k != "role"}) for u, n, lang, more in STAFF]
    people += [person(u, n, lang, "learner", station=s, title="Trainee operator", enrolled_in=c) for u, n, lang, s, c in TRAINEES]
    for code, pupils in PUPILS.items():
        people += [person(u, n, LANGUAGE_OF.get(u, "az"), "learner", title="Pupil", groups=[code], enrolled_in=["riyaziyyat-7"]) for u, n in pupils]
    people += [person(u, n, lang, "parent", children=c) for u, n, lang, c in PARENTS]
    groups = [{"code": c, "days_of_week": d, "start_time": t, "teacher": who, "room": room, "course": "riyaziyyat-7",
               "members": [u for u, _ in PUPILS[c]]} for c, d, t, who, room in GROUPS]
    return {"organization": ORGANIZATION, "stations": STATIONS, "school": {**SCHOOL, "groups": groups}, "people": people}
