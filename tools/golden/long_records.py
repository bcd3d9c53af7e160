"""Writes tests/golden/records-long-es.txt: a year of one patient, several contexts long.

    python3 long_records.py
"""
import datetime
import random
import sys

from golden import GOLDEN, ROOT

sys.path.insert(0, str(ROOT / "tools" / "tiny"))
from records import ES, Writer  # noqa: E402
from story import Fact, Style  # noqa: E402
from words import FREQUENCIES, LABS, MEDICINES, SPECIALTIES, VITALS  # noqa: E402

START = datetime.date(2024, 1, 8)


def day(n):
    return START + datetime.timedelta(n)


def vital(n, kind, value):
    return Fact("vital", day(n), VITALS[kind][2], dict(kind=kind, value=value))


def lab(n, key, value):
    return Fact("lab", day(n), LABS[key][0], dict(key=key, value=value))


def start(n, key, dose, frequency):
    return Fact("start", day(n), MEDICINES[key][0], dict(dose=(dose, ("mg", "mg")), frequency=FREQUENCIES[frequency]))


def main():
    rng = random.Random(2024)
    mg = ("mg", "mg")
    facts = [
        Fact("visit", day(0), ("", "hipertensión"), dict(symptoms=[("", "dolor de cabeza"), ("", "mareo")])),
        start(0, "losartan", "50", 0),
        lab(4, "creatinine", "1,07"), lab(4, "potassium", "4,4"), lab(4, "hba1c", "7,9"),
        Fact("visit", day(11), ("", "diabetes tipo 2"), dict(symptoms=[("", "sed"), ("", "cansancio")])),
        start(11, "metformin", "850", 1),
        Fact("change", day(46), MEDICINES["losartan"][0], dict(old=("50", mg), dose=("100", mg))),
        Fact("visit", day(95), ("", "bronquitis aguda"), dict(symptoms=[("", "tos"), ("", "fiebre")])),
        Fact("start", day(95), MEDICINES["azithromycin"][0], dict(dose=("500", mg), frequency=FREQUENCIES[0], days=3)),
        Fact("test", day(97), ("", "radiografía de tórax"), dict(result=("", "normal"))),
        lab(130, "hba1c", "7,2"), lab(130, "cholesterol", "237"),
        start(137, "atorvastatin", "20", 8),
        Fact("stop", day(200), MEDICINES["atorvastatin"][0], dict(reason=("", "dolores musculares"))),
        start(203, "rosuvastatin", "10", 8),
        Fact("check", day(250), ("", "hipertensión")),
        lab(300, "hba1c", "6,6"), lab(300, "cholesterol", "176"), lab(300, "creatinine", "1,02"),
        Fact("pending", day(340), ("", "examen de la vista"), dict(when=day(375))),
        Fact("appointment", day(340), ("", SPECIALTIES["cardiology"]), dict(when=day(392))),
    ]
    for i in range(92):  # a reading every four days, slowly better
        n = 4 * i
        top = round(164 - .35 * i + rng.uniform(-3, 3))
        facts.append(vital(n, "bp", f"{top}/{round(top * .61)}"))
        if i % 7 == 2:
            facts.append(vital(n, "sugar", str(round(188 - .7 * i + rng.uniform(-6, 6)))))
    facts.sort(key=lambda f: (f.day, f.kind))
    text = Writer(rng, ES, Style(date=0, comma=True, units=True, head=0, gap="\n", together=False)).records(facts)
    (GOLDEN / "records-long-es.txt").write_text(text + "\n", encoding="utf-8")
    print(text.count("\n") + 1, "records")


if __name__ == "__main__":
    main()
