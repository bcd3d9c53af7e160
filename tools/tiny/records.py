"""Puts stories into words: the records a patient might paste, and the summary they should get.

Run it to look at samples:  python3 records.py [seed]
"""
import random
import sys

from story import Fact, StoryMaker, period_label
from talk import question, small_talk
from words import EN, ES, LABS, MONTHS, SURNAMES, VITALS

# The C library builds these same bytes; the model knows no other wording.
PROMPTS = (
    "Summarise these health records for the patient in clear, simple English.{period}\n"
    "Give the main diagnoses or symptoms, medicines and changes of treatment, relevant results, "
    "trends in vital signs and pending follow-ups. Use only facts from the records.\n"
    "\nRecords:\n{records}",
    "Resume estos registros de salud para el paciente en español claro y sencillo.{period}\n"
    "Di los diagnósticos o síntomas principales, las medicinas y los cambios de tratamiento, los "
    "resultados relevantes, las tendencias de los signos vitales y los seguimientos pendientes. "
    "Usa solo datos de los registros.\n"
    "\nRegistros:\n{records}",
)
PERIODS = (" Period: {}.", " Periodo: {}.")
# what a person might write instead; also shorter, so that training sees more samples
SHORT_PROMPTS = (["Summarise:\n{}", "Summarise these records:\n\n{}", "Summary of these records:\n{}"],
                 ["Resume:\n{}", "Resume estos registros:\n\n{}", "Resumen de estos registros:\n{}"])


def summary_prompt(lang, records, period=None):
    text = PERIODS[lang].format(period) if period else ""
    return PROMPTS[lang].format(period=text, records=records.rstrip())


def join_words(items, lang):
    """'a, b and c'; Spanish 'y' becomes 'e' before an i sound."""
    items = list(items)
    if len(items) < 2:
        return "".join(items)
    word = "and" if lang == EN else "e" if items[-1].lower().startswith(("i", "hi")) else "y"
    return ", ".join(items[:-1]) + f" {word} " + items[-1]


def capital(text):
    return text[:1].upper() + text[1:]


class Writer:
    """Words for one sample in one language.  The record and the summary of a sample use two
    writers that share the style, so that numbers and dates are written alike in both."""

    def __init__(self, rng, lang, style):
        self.rng, self.lang, self.style = rng, lang, style

    def say(self, english, spanish):
        """One of several wordings, separated by |."""
        return self.rng.choice((english, spanish)[self.lang].split("|"))

    def date(self, day):
        if self.style.date == 0:
            return day.isoformat()
        if self.style.date == 1:
            return f"{day.day:02}/{day.month:02}/{day.year}"
        month = MONTHS[self.lang][day.month - 1]
        return f"{day.day} {month} {day.year}" if self.lang == EN else f"{day.day} de {month} de {day.year}"

    def on(self, day):
        return ("on ", "el ")[self.lang] + self.date(day)

    def when(self, data):
        if "when" in data:
            return self.on(data["when"])
        return ("in ", "en ")[self.lang] + f"{data['number']} {data['unit'][self.lang]}"

    def dose(self, dose):
        return f"{dose[0]} {dose[1][self.lang]}"

    def medicine(self, fact):
        text = f"{fact.name[self.lang]} {self.dose(fact.data['dose'])} {fact.data['frequency'][self.lang]}"
        if "days" in fact.data:
            text += (" for {} days", " durante {} días")[self.lang].format(fact.data["days"])
        return text

    def unit(self, unit):
        if not unit or not (self.style.units or unit == "%"):
            return ""
        return unit if unit == "%" and self.lang == EN else " " + unit

    def vital(self, value, kind):
        return value + self.unit(VITALS[kind][3][self.lang])

    def lab(self, value, key):
        return value + self.unit(LABS[key][2])

    # -- records -----------------------------------------------------------------------------

    def record(self, facts):
        """What one record says after its date."""
        out = []
        vitals = [f for f in facts if f.kind == "vital"]
        labs = [f for f in facts if f.kind == "lab"]
        for fact in facts:
            if fact.kind == "vital":
                if fact is vitals[0]:
                    head = self.say("|||Vital signs: |Home reading: |Vitals: ",
                                    "|||Signos vitales: |Toma en casa: |Constantes: ")
                    sep = self.rng.choice([" ", " ", ": "]) if not head else " "
                    out.append(capital(head + ", ".join(
                        self.rng.choice(VITALS[f.data["kind"]][self.lang]) + sep
                        + self.vital(f.data["value"], f.data["kind"]) for f in vitals)))
            elif fact.kind == "lab":
                if fact is labs[0]:
                    head = self.say("|Lab results: |Blood test: |Laboratory: |Results: ",
                                    "|Laboratorio: |Análisis de sangre: |Analítica: |Resultados: ")
                    out.append(capital(head + ", ".join(
                        f.name[self.lang] + " " + self.lab(f.data["value"], f.data["key"]) for f in labs)))
            else:
                out.append(capital(getattr(self, "record_" + fact.kind)(fact)))
        if self.rng.random() < .05:  # a detail that the summary leaves out
            out.append(self.say("Seen by Dr. ", "Atiende Dra. ") + self.rng.choice(SURNAMES))
        return ". ".join(out) + self.rng.choice([".", ".", ""])

    def record_visit(self, fact):
        symptoms = join_words((s[self.lang] for s in fact.data["symptoms"]), self.lang)
        if not fact.name:
            return self.say("Visit for {}|Reports {}|Symptoms: {}|Patient has {}",
                            "Consulta por {}|Refiere {}|Síntomas: {}|Presenta {}").format(symptoms)
        return self.say(
            "Visit for {}. Diagnosis: {}|Reports {}. Diagnosed with {}|Seen for {}. Dx: {}|"
            "Symptoms: {}. Diagnosis: {}|Emergency visit: {}. Diagnosis: {}",
            "Consulta por {}. Diagnóstico: {}|Acude por {}. Se diagnostica {}|Refiere {}. Dx: {}|"
            "Síntomas: {}. Diagnóstico: {}|Urgencias por {}. Diagnóstico: {}"
        ).format(symptoms, fact.name[self.lang])

    def record_check(self, fact):
        return self.say("Check-up for {}|Review of {}|Follow-up of {}",
                        "Control de {}|Revisión de {}|Seguimiento de {}").format(fact.name[self.lang])

    def record_start(self, fact):
        return self.say("Starts {}|Prescribed {}|New medicine: {}|Treatment: {}|Medication started: {}",
                        "Inicia {}|Se receta {}|Nueva medicina: {}|Tratamiento: {}|Empieza {}"
                        ).format(self.medicine(fact))

    def record_keep(self, fact):
        return self.say("Continues {}|Still taking {}|Current medication: {}",
                        "Continúa con {}|Sigue con {}|Medicación actual: {}").format(self.medicine(fact))

    def record_change(self, fact):
        return self.say("Change: {} from {} to {}|Dose of {} changed from {} to {}|Dose change: {} from {} to {}",
                        "Cambio: {} de {} a {}|La dosis de {} cambia de {} a {}|Cambio de dosis: {} de {} a {}"
                        ).format(fact.name[self.lang], self.dose(fact.data["old"]), self.dose(fact.data["dose"]))

    def reason(self, fact):
        reason = fact.data["reason"]
        return (" because of ", " por ")[self.lang] + reason[self.lang] if reason else ""

    def record_stop(self, fact):
        return self.say("Stops {}{}|Stop {}{}|Discontinued {}{}",
                        "Se suspende {}{}|Deja de tomar {}{}|Suspende {}{}"
                        ).format(fact.name[self.lang], self.reason(fact))

    def record_test(self, fact):
        return f"{fact.name[self.lang]}: {fact.data['result'][self.lang]}"

    def record_appointment(self, fact):
        return self.say("Next appointment with {} {}|Follow-up with {} {}|Appointment: {}, {}|Referred to {}, {}",
                        "Próxima cita con {} {}|Seguimiento con {} {}|Cita: {}, {}|Cita de control con {} {}"
                        ).format(fact.name[self.lang], self.when(fact.data))

    def record_pending(self, fact):
        return self.say("Pending: {} {}|To do: {} {}|{} due {}",
                        "Pendiente: {} {}|Queda pendiente {} {}|Solicitado: {} {}"
                        ).format(fact.name[self.lang], self.when(fact.data))

    def record_back(self, fact):
        return self.say("Return for check-up {}|Review {}|Next check {}",
                        "Volver a control {}|Nueva revisión {}|Próximo control {}").format(self.when(fact.data))

    def head(self, day):
        date = self.date(day)
        return [f"{date}: ", f"{date} - ", f"[{date}] ", f"{date}. ", f"- {date}: ", f"{date} | ",
                self.say("Date: ", "Fecha: ") + date + ". "][self.style.head]

    def records(self, facts):
        groups = []
        for fact in facts:
            last = groups[-1] if groups else None
            mates = last and last[0].day == fact.day and (
                self.style.together or fact.kind == last[0].kind and fact.kind in ("vital", "lab"))
            if mates:
                last.append(fact)
            else:
                groups.append([fact])
        return self.style.gap.join(self.head(g[0].day) + self.record(g) for g in groups)

    # -- summary -----------------------------------------------------------------------------

    def summary(self, facts, period=None):
        """Every fact once, in a fixed order; the wording varies, the content does not."""
        of = lambda *kinds: [f for f in facts if f.kind in kinds]
        out = [self.opening(period)]
        out += [self.told(f) for f in of("visit", "check")]
        keeps, starts = of("keep"), of("start")
        if keeps:
            out.append(self.say("You continue with {}.", "Sigue con {}.").format(join_words(map(self.medicine, keeps), self.lang)))
        if starts:
            out.append(self.say("You started {}.|You were prescribed {}.",
                                "Empezó a tomar {}.|Le recetaron {}.").format(join_words(map(self.medicine, starts), self.lang)))
        out += [self.treated(f) for f in of("change", "stop")]
        out += self.results(of("lab")) + [capital(self.record_test(f)) + "." for f in of("test")]
        out += self.trends(of("vital"))
        out += [self.planned(f) for f in of("appointment", "pending", "back")]
        return " ".join(s for s in out if s)

    def opening(self, period):
        if period:
            return self.say("This is your health summary ({}).|Period: {}.",
                            "Este es su resumen de salud ({}).|Periodo: {}.").format(period)
        return self.say("This is your health summary.", "Este es su resumen de salud.")

    def told(self, fact):
        on = capital(self.on(fact.day))
        if fact.kind == "check":
            return self.say("{} you had a check-up for {}.", "{} acudió a control de {}.").format(on, fact.name[self.lang])
        symptoms = join_words((s[self.lang] for s in fact.data["symptoms"]), self.lang)
        if not fact.name:
            return self.say("{} you had {}.", "{} tuvo {}.").format(on, symptoms)
        return self.say("{} you had {} and were diagnosed with {}.|{} you had {}; the diagnosis was {}.",
                        "{} tuvo {} y le diagnosticaron {}.|{} tuvo {}; el diagnóstico fue {}."
                        ).format(on, symptoms, fact.name[self.lang])

    def treated(self, fact):
        name, on = fact.name[self.lang], self.on(fact.day)
        if fact.kind == "change":
            return self.say("Your dose of {} changed from {} to {} {}.", "La dosis de {} cambió de {} a {} {}."
                            ).format(name, self.dose(fact.data["old"]), self.dose(fact.data["dose"]), on)
        return self.say("You stopped {} {}{}.", "Dejó de tomar {} {}{}.").format(name, on, self.reason(fact))

    def direction(self, first, last, kind, plural=False):
        a, b = (float(v.split("/")[0].replace(",", ".")) for v in (first, last))
        clear = VITALS[kind][7] if kind in VITALS else abs(a) * .02
        way = 0 if abs(b - a) < clear else 1 if b > a else 2
        if self.lang == EN:
            return ((("it stayed stable", "it rose", "it fell"), ("they stayed stable", "they rose", "they fell"))[plural])[way]
        return ((("se mantuvo estable", "subió", "bajó"), ("se mantuvieron estables", "subieron", "bajaron"))[plural])[way]

    def results(self, labs):
        out, single = [], []
        by_key = {}
        for fact in labs:
            by_key.setdefault(fact.data["key"], []).append(fact)
        for key, facts in by_key.items():
            if len(facts) == 1:
                single.append(facts[0].name[self.lang] + " " + self.lab(facts[0].data["value"], key))
                continue
            first, last = facts[0].data["value"], facts[-1].data["value"]
            plural = key in ("triglycerides", "white cells", "eosinophils")
            verb = ("went", ("pasó", "pasaron")[plural])[self.lang]
            name = "Your " + facts[0].name[EN] if self.lang == EN else capital(LABS[key][1] + " " + facts[0].name[ES])
            words = ("from", "to") if self.lang == EN else ("de", "a")
            out.append(f"{name} {verb} {words[0]} {first} {words[1]} {self.lab(last, key)}: {self.direction(first, last, key, plural)}.")
        if single:
            out.insert(0, self.say("Your results: {}.|Test results: {}.", "Sus resultados: {}.|Resultados: {}."
                                   ).format(join_words(single, self.lang)))
        return out

    def trends(self, vitals):
        by_kind = {}
        for fact in vitals:
            by_kind.setdefault(fact.data["kind"], []).append(fact)
        out = []
        for kind, facts in by_kind.items():
            first, last = facts[0].data["value"], facts[-1].data["value"]
            name = ("Your ", "Su ")[self.lang] + VITALS[kind][2][self.lang]
            if len(facts) == 1:
                out.append(f"{name} {('was', 'fue')[self.lang]} {self.vital(first, kind)}.")
                continue
            words = ("went from", "to") if self.lang == EN else ("pasó de", "a")
            out.append(f"{name} {words[0]} {first} {words[1]} {self.vital(last, kind)}: {self.direction(first, last, kind)}.")
        return out

    def planned(self, fact):
        when = self.when(fact.data)
        if fact.kind == "back":
            return self.say("You should return for a check-up {}.", "Debe volver a control {}.").format(when)
        if fact.kind == "pending":
            return self.say("Pending: {} {}.", "Pendiente: {} {}.").format(fact.name[self.lang], when)
        return self.say("You have an appointment with {} {}.|Your next appointment is with {} {}.",
                        "Tiene cita con {} {}.|Su próxima cita es con {} {}.").format(fact.name[self.lang], when)


class Sampler:
    """An endless, seeded supply of samples.  A sample is a dict with 'turns', a list of
    (role, text), and for summaries also the facts it was made from."""

    def __init__(self, seed, evaluation=False):
        self.rng = random.Random(seed)
        self.maker = StoryMaker(self.rng, evaluation)

    def sample(self, mini=False):
        """mini: one to three facts, with which the model learns where each kind of fact is found."""
        pick = self.rng.random()
        if pick < .05:
            return dict(kind="talk", turns=small_talk(self.rng))
        if pick < .12:
            return self.ask()
        if mini:
            return self.summarise(size="mini")
        if pick < .19:
            return self.merge()
        return self.summarise()

    def period(self, facts, lang):
        return period_label(facts, lang, self.rng) if self.rng.random() < .75 else None

    def summarise(self, size=None, lang=None, crossing=None):
        r = self.rng
        lang = r.randrange(2) if lang is None else lang
        crossing = r.random() < .04 if crossing is None else crossing
        size = size or r.choices(["mini", "short", "normal", "diary"], [.1, .15, .65, .1])[0]
        source = 1 - lang if crossing else lang
        style = self.maker.new_style(source, crossing)
        facts = self.maker.story(style, "short" if size == "mini" else size)
        period = self.period(facts, lang)
        if size == "mini":
            some = sorted(r.sample(range(len(facts)), min(len(facts), r.choice([1, 2, 2, 3]))))
            facts = [facts[i] for i in some]
        if not crossing and r.random() < (.75 if size == "mini" else .03):
            period = None
            ask = r.choice(SHORT_PROMPTS[lang]).format
        else:
            ask = lambda records: summary_prompt(lang, records, period)
        records = Writer(r, source, style).records(facts)
        answer = Writer(r, lang, style).summary(facts, period)
        return dict(kind="summary", lang=lang, crossing=crossing, facts=facts, records=records, size=size,
                    turns=[("user", ask(records.rstrip())), ("assistant", answer)])

    def merge(self, lang=None):
        """Summaries of parts in, one summary out: what a caller does when records do not fit."""
        r = self.rng
        lang = r.randrange(2) if lang is None else lang
        style = self.maker.new_style(lang)
        facts = self.maker.story(style, r.choice(["normal", "normal", "diary"]))
        parts = min(r.choice([2, 2, 3, 4]), len(facts))
        if parts < 2:
            return self.merge(lang)
        cuts = [0] + sorted(r.sample(range(1, len(facts)), parts - 1)) + [len(facts)]
        period = self.period(facts, lang)
        writer = Writer(r, lang, style)
        texts = [writer.summary(facts[a:b], period) for a, b in zip(cuts, cuts[1:])]
        records = "\n\n".join(texts)
        return dict(kind="merge", lang=lang, crossing=False, facts=facts, records=records, size="merge",
                    turns=[("user", summary_prompt(lang, records, period)), ("assistant", writer.summary(facts, period))])

    def ask(self, lang=None):
        r = self.rng
        lang = r.randrange(2) if lang is None else lang
        style = self.maker.new_style(lang)
        facts = self.maker.story(style, "short")
        writer = Writer(r, lang, style)
        asked, answer = question(r, writer, facts, join_words)
        records = writer.records(facts)
        label = ("Records:\n", "Registros:\n")[lang]
        text = r.choice([f"{asked}\n\n{label}{records}", f"{label}{records}\n\n{asked}"])
        return dict(kind="question", lang=lang, facts=facts, records=records,
                    turns=[("user", text), ("assistant", answer)])


if __name__ == "__main__":
    sampler = Sampler(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    for _ in range(12):
        for role, text in sampler.sample()["turns"]:
            print(f"<{role}>\n{text}")
        print("-" * 80)
