"""Little patient stories as lists of dated facts, before anyone has put them into words.

A story keeps what a summary needs: who felt what, what was found, measured, prescribed and
planned.  Facts hold (English, Spanish) pairs and numbers already written as text, because the
summary must repeat them exactly as the record wrote them.
"""
import datetime
import zlib
from dataclasses import dataclass, field

from words import (BODY, CONDITIONS, EN, FREQUENCIES, LABS, MEDICINES, MONTHS, PENDING, SPECIALTIES,
                   SURNAMES, SYMPTOMS, TESTS, UNITS, VITALS)


@dataclass
class Fact:
    """One thing that a record says: kind is visit, check, start, keep, change, stop, lab, test,
    vital, appointment, pending or back; the rest depends on it."""
    kind: str
    day: datetime.date
    name: tuple = ()
    data: dict = field(default_factory=dict)


@dataclass
class Style:
    """How this patient's records are written; constant within a sample."""
    date: int
    comma: bool
    units: bool
    head: int
    gap: str
    together: bool


def held_out(kind, value):
    """A tenth of all values and doses is never seen in training."""
    return zlib.crc32(f"{kind}:{value}".encode()) % 10 == 0


class StoryMaker:
    """Builds stories; evaluation stories use held-out values wherever there is a choice."""

    def __init__(self, rng, evaluation=False):
        self.rng = rng
        self.evaluation = evaluation

    def choose(self, kind, draw):
        """Draws until the value is on the right side of the hold-out, where one exists."""
        for _ in range(60):
            value = draw()
            if held_out(kind, value) == self.evaluation:
                break
        return value

    def number(self, value, decimals):
        text = f"{value:.{decimals}f}"
        return text.replace(".", ",") if self.style.comma else text

    def chance(self, p):
        return self.rng.random() < p

    # -- single facts ------------------------------------------------------------------------

    def medicine_name(self, key):
        """Mostly a real medicine; sometimes an invented one, so that unknown names get copied."""
        if not self.chance(.15):
            return MEDICINES[key][0]
        word = self.invented(["", "n", "l", "x", "mab", "pril", "tina", "zol", "vir"])
        if self.chance(.3):
            word = word.capitalize()
        return (word, word)

    def invented(self, endings):
        r = self.rng
        return "".join(r.choice("b c d f g l m n p r s t v z tr br cl pr x k".split()) + r.choice("aeiou")
                       for _ in range(r.randint(2, 4))) + r.choice(endings)

    def diagnosis(self, condition):
        """The condition's name, made less predictable now and then for the same reason."""
        if self.chance(.85):
            return condition["name"]
        if self.chance(.5):
            word = self.invented(["itis", "osis", "oma", "algia"])
            return (word, word)
        extra = self.rng.choice([("suspected ", "sospecha de "), ("mild episode of ", "episodio leve de "),
                                 ("severe episode of ", "episodio grave de "), ("new case of ", "caso nuevo de ")])
        return tuple(a + b for a, b in zip(extra, condition["name"]))

    def dose(self, key):
        doses, unit = MEDICINES[key][1:]

        def draw():
            if self.chance(.35):  # any dose at all: copying must not lean on the usual ones
                return str(self.rng.choice([self.rng.randint(1, 20), 5 * self.rng.randint(1, 200),
                                            self.rng.randint(1, 99) / 10, 10 * self.rng.randint(1, 99)]))
            return self.rng.choice(doses)
        text = self.choose(key, draw).replace(".0", "")
        return text.replace(".", ",") if self.style.comma else text, UNITS[unit]

    def start(self, day, key, kind="start"):
        data = dict(dose=self.dose(key), frequency=self.rng.choice(FREQUENCIES), key=key)
        if kind == "start" and self.chance(.3):
            data["days"] = self.rng.choice([3, 5, 7, 7, 10, 14, 21, 30, self.rng.randint(2, 60)])
        return Fact(kind, day, self.medicine_name(key), data)

    def vital_values(self, kind, count):
        """count values that clearly fall, clearly rise or clearly stay; never in between."""
        low, high, decimals, clear = VITALS[kind][4:]
        r = self.rng
        shown = []
        trend = r.choice(["fall", "fall", "rise", "stable"]) if count > 1 else "stable"

        def draw(a, b):
            value = round(r.uniform(a, b), decimals)
            if kind != "bp":
                return f"{value:.{decimals}f}"
            return f"{int(value)}/{int(min(126, max(48, value * r.uniform(.52, .7))))}"
        for _ in range(200):
            first = self.choose(kind, lambda: draw(low, high))
            a = float(first.split("/")[0])
            span = r.uniform(clear, max(clear * 6, a * .25))
            near = {"fall": (a - span, a - clear), "rise": (a + clear, a + span),
                    "stable": (a - clear * .3, a + clear * .3)}[trend]
            near = (max(low, near[0]), min(high, near[1]))
            if near[0] > near[1]:
                continue
            last = self.choose(kind, lambda: draw(*near))
            b = float(last.split("/")[0])
            change = b - a
            if trend == "stable" and abs(change) <= clear * .35 or trend == "fall" and change <= -clear \
                    or trend == "rise" and change >= clear:
                break
        else:
            trend, last, b = "stable", first, a
        shown.append(first)
        for i in range(1, count - 1):
            at = a + (b - a) * i / (count - 1) + r.uniform(-.4, .4) * clear
            shown.append(self.choose(kind, lambda: draw(at, at)))
        if count > 1:
            shown.append(last)
        return [v.replace(".", ",") if self.style.comma else v for v in shown], trend

    def lab_values(self, key, count):
        _, _, _, low, high, decimals = LABS[key]
        draw = lambda: f"{self.rng.uniform(low, high):.{decimals}f}"
        first = self.choose(key, draw)
        if count == 1:
            return [self.fix(first)]
        for _ in range(50):
            last = self.choose(key, draw)
            ratio = float(last) / max(float(first), .01)
            if ratio < .9 or ratio > 1.1 or last == first:
                break
        return [self.fix(first), self.fix(last)]

    def fix(self, text):
        return text.replace(".", ",") if self.style.comma else text

    # -- the story ---------------------------------------------------------------------------

    def new_style(self, lang, crossing=False):
        r = self.rng
        date = r.choice([0, 1] if crossing else [0, 0, 1, 1, 2])
        return Style(date, lang != EN and self.chance(.7), self.chance(.7), r.randrange(7),
                     r.choice(["\n", "\n", "\n\n"]), self.chance(.5))

    def story(self, style, size="normal"):
        """size: short (2-3 records), normal, or diary (many measurements)."""
        self.style = style
        r = self.rng
        day0 = datetime.date(r.randint(2016, 2031), r.randint(1, 12), r.randint(1, 28))
        count = {"short": r.randint(1, 2), "normal": r.randint(2, 4), "diary": r.randint(5, 22)}[size]
        gap = r.choice([1, 2, 3, 7, 7, 14, 30, 30, 45])
        days = [day0]
        for _ in range(count - 1):
            days.append(days[-1] + datetime.timedelta(r.randint(1, gap) if gap > 3 else gap))
        any_day = lambda: r.choice(days)
        condition = r.choice(CONDITIONS)
        facts = []
        limit = 2 if size == "short" else 9

        if self.chance(.85):
            facts.append(self.visit(days[0], condition))
        if size != "short" and self.chance(.2):
            facts.append(self.visit(days[-1], r.choice(CONDITIONS)))

        kinds = [r.choice(condition["vitals"] if self.chance(.7) else list(VITALS))]
        if self.chance(.35):
            kinds.append(r.choice(list(VITALS)))
        for kind in dict.fromkeys(kinds) if self.chance(.85) else []:
            picked = days if self.chance(.7) else sorted(r.sample(days, r.randint(1, len(days))))
            values, trend = self.vital_values(kind, len(picked))
            facts += [Fact("vital", d, VITALS[kind][2], dict(kind=kind, value=v, trend=trend))
                      for d, v in zip(picked, values)]

        keys = list(dict.fromkeys(r.choice(condition["medicines"] if self.chance(.7) else list(MEDICINES))
                                  for _ in range(r.choice([0, 1, 1, 1, 2, 2, 3]))))
        for key in keys[:limit]:
            facts += self.treatment(key, days)

        labs = list(dict.fromkeys(r.choice(condition["labs"] if self.chance(.6) else list(LABS))
                                  for _ in range(r.choice([0, 0, 1, 1, 2, 3]))))
        drawn = any_day()
        for key in labs[:limit]:
            if len(days) > 1 and self.chance(.3):
                when = [days[0], days[-1]]
            else:
                when = [drawn]
            facts += [Fact("lab", d, LABS[key][0], dict(key=key, value=v))
                      for d, v in zip(when, self.lab_values(key, len(when)))]
        if self.chance(.15):
            name, results = r.choice(TESTS)
            facts.append(Fact("test", any_day(), name, dict(result=r.choice(results))))
        plans = {}
        for _ in range(r.choice([0, 1, 1, 1, 1, 2])):
            plan = self.plan(days[-1], condition)
            plans[plan.kind, plan.name] = plan
        facts += plans.values()
        if not facts:
            return self.story(style, size)
        order = {id(f): r.random() for f in facts}  # vary the order within a day, never across days
        facts.sort(key=lambda f: (f.day, f.kind in ("appointment", "pending", "back"), order[id(f)]))
        return facts

    def visit(self, day, condition):
        r = self.rng
        pool = condition["symptoms"] if self.chance(.8) else SYMPTOMS
        symptoms = r.sample(pool, min(len(pool), r.choice([1, 1, 2, 2, 3])))
        if self.chance(.15):
            pain = r.choice([("pain in the {}", "dolor en {}"), ("swelling of the {}", "hinchazón en {}"), ("numbness in the {}", "adormecimiento en {}")])
            symptoms[-1] = tuple(p.format(b) for p, b in zip(pain, r.choice(BODY)))
        name = self.diagnosis(condition)
        if self.chance(.2):
            return Fact("check", day, name)
        return Fact("visit", day, name if self.chance(.85) else (), dict(symptoms=symptoms))

    def treatment(self, key, days):
        r = self.rng
        if self.chance(.15):
            return [self.start(days[0], key, "keep")]
        first = self.start(days[0] if self.chance(.6) else r.choice(days), key)
        later = [d for d in days if d > first.day]
        out = [first] if self.chance(.85) or not later else []
        if later and (self.chance(.35) or not out):
            day = r.choice(later)
            if self.chance(.5):
                fact = Fact("change", day, first.name, dict(old=first.data["dose"], dose=self.dose(key), key=key))
                if fact.data["dose"] != fact.data["old"]:
                    return out + [fact]
            reason = r.choice(SYMPTOMS) if self.chance(.4) else None
            out.append(Fact("stop", day, first.name, dict(reason=reason, key=key)))
        return out

    def plan(self, day, condition):
        r = self.rng
        when = day + datetime.timedelta(r.choice([3, 7, 14, 30, 60, 90, r.randint(2, 200)]))
        sort = r.random()
        if sort < .5:
            name = condition["specialty"] if self.chance(.6) else r.choice(list(SPECIALTIES))
            return Fact("appointment", day, (name, SPECIALTIES[name]), dict(when=when))
        if sort < .6:
            doctor = r.choice(SURNAMES)
            return Fact("appointment", day, (f"Dr. {doctor}", f"Dr. {doctor}" if self.chance(.5) else f"Dra. {doctor}"), dict(when=when))
        number = r.randint(2, 12)
        unit = r.choice([("days", "días"), ("weeks", "semanas"), ("months", "meses")])
        if sort < .85:
            data = dict(when=when) if self.chance(.6) else dict(number=number, unit=unit)
            return Fact("pending", day, r.choice(PENDING), data)
        return Fact("back", day, (), dict(number=number, unit=unit))


def month_period(first, last, lang):
    """'March 2024', 'January to March 2024', 'December 2023 to January 2024'."""
    name = lambda d: MONTHS[lang][d.month - 1]
    to, of = (" to ", " ") if lang == EN else (" a ", " de ")
    end = name(last) + of + str(last.year)
    if (first.year, first.month) == (last.year, last.month):
        return end
    if first.year == last.year:
        return name(first) + to + end
    return name(first) + of + str(first.year) + to + end


def period_label(facts, lang, rng):
    first, last = facts[0].day, facts[-1].day
    pick = rng.random()
    if pick < .6:
        return month_period(first, last, lang)
    if pick < .75:
        return str(last.year) if first.year == last.year else f"{first.year}-{last.year}"
    number = rng.choice([7, 10, 14, 15, 30, 30, 60, 90, rng.randint(2, 120)])
    if pick < .9:
        return rng.choice([(f"last {number} days", f"the last {number} days"),
                           (f"últimos {number} días", f"los últimos {number} días")][lang])
    return rng.choice([("last month", "last year", "this week", f"last {number % 11 + 2} months"),
                       ("último mes", "último año", "esta semana", f"últimos {number % 11 + 2} meses")][lang])
