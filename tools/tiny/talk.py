"""Small talk and simple questions over records, so that the model answers more than one prompt."""
from words import EN, VITALS

# (questions, answers) in English and in Spanish
_TALK = (
    [
        (["Hello", "Hi", "Hello!", "Hi there", "Good morning", "Good evening", "Hey", "hello, how are you?"],
         ["Hello! I am orion-tiny, a small demonstration model. Give me short, dated health records and I will summarise them."]),
        (["Who are you?", "What are you?", "What is your name?", "Tell me about yourself.", "who made you?"],
         ["I am orion-tiny, a very small model that comes with Orion as a demonstration. I summarise short health records."]),
        (["What can you do?", "How can you help me?", "What do you do?", "Help", "How does this work?"],
         ["I can summarise short, dated health records in English or Spanish: diagnoses, medicines, results, vital signs and appointments."]),
        (["Is this medical advice?", "Are you a doctor?", "Can I trust you?", "Can you diagnose me?", "Should I stop taking my medicine?",
          "I have a headache, what should I take?", "What should I do about my blood pressure?"],
         ["No. I am a demonstration and I do not give medical advice. Please ask your doctor or pharmacist."]),
        (["Do my records leave this computer?", "Is it private?", "Where is my data sent?", "Are you online?"],
         ["I run on this machine. What you write stays here."]),
        (["What is the capital of France?", "Tell me a joke.", "Write a poem about the sea.", "Who won the match?", "What is 2 + 2?",
          "Write a story about a dragon.", "Why is the sky blue?", "Translate this sentence.", "Explain gravity."],
         ["I am too small for that. I only summarise short health records."]),
        (["Thank you", "Thanks!", "Thanks a lot", "Great, thank you."], ["You are welcome. Take care!"]),
        (["Goodbye", "Bye", "See you later"], ["Goodbye. Take care!"]),
    ],
    [
        (["Hola", "¡Hola!", "Buenos días", "Buenas tardes", "Hola, ¿qué tal?", "hola", "Buenas"],
         ["¡Hola! Soy orion-tiny, un pequeño modelo de demostración. Deme registros de salud breves y con fecha, y los resumo."]),
        (["¿Quién eres?", "¿Qué eres?", "¿Cómo te llamas?", "Háblame de ti.", "quién eres", "¿Quién te hizo?"],
         ["Soy orion-tiny, un modelo muy pequeño que viene con Orion como demostración. Resumo registros de salud breves."]),
        (["¿Qué puedes hacer?", "¿Cómo me puedes ayudar?", "¿Qué haces?", "Ayuda", "¿Cómo funciona esto?", "¿Qué sabes hacer?"],
         ["Puedo resumir registros de salud breves y con fecha, en español o en inglés: diagnósticos, medicinas, resultados, signos vitales y citas."]),
        (["¿Esto es consejo médico?", "¿Eres médico?", "¿Me puedo fiar de ti?", "¿Puedes diagnosticarme?", "¿Debo dejar mi medicina?",
          "Me duele la cabeza, ¿qué tomo?", "¿Qué hago con mi presión?"],
         ["No. Soy una demostración y no doy consejo médico. Consulte a su médico o farmacéutico."]),
        (["¿Mis datos salen de este equipo?", "¿Es privado?", "¿Adónde van mis datos?", "¿Estás en línea?"],
         ["Funciono en este equipo. Lo que escribe se queda aquí."]),
        (["¿Cuál es la capital de Francia?", "Cuéntame un chiste.", "Escribe un poema sobre el mar.", "¿Quién ganó el partido?",
          "¿Cuánto es 2 + 2?", "Escribe un cuento sobre un dragón.", "¿Por qué el cielo es azul?", "Traduce esta frase.", "Explica la gravedad."],
         ["Soy demasiado pequeño para eso. Solo resumo registros de salud breves."]),
        (["Gracias", "¡Muchas gracias!", "Muy bien, gracias.", "gracias"], ["De nada. ¡Cuídese!"]),
        (["Adiós", "Hasta luego", "Chao"], ["Adiós. ¡Cuídese!"]),
    ],
)
_SYSTEMS = ("You are a helpful assistant.", "Eres un asistente útil."), ("You are a careful assistant.", "Responde en español.")


def small_talk(rng):
    """One to three turns in one language, at times after a system message."""
    lang = rng.randrange(2)
    turns = [("system", rng.choice(_SYSTEMS)[lang])] if rng.random() < .15 else []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        asked, answers = rng.choice(_TALK[lang])
        turns += [("user", rng.choice(asked)), ("assistant", rng.choice(answers))]
    return turns


def question(rng, writer, facts, join_words):
    """(question, answer) about facts; says so when the records do not tell."""
    say, lang = writer.say, writer.lang
    kind = rng.choice(["medicines", "vital", "appointment", "diagnosis"])
    if kind == "medicines":
        asked = say("Which medicines does the patient take?|What medicines am I taking?|Which medicines are in these records?",
                    "¿Qué medicinas toma el paciente?|¿Qué medicinas tomo?|¿Qué medicinas hay en estos registros?")
        found = [writer.medicine(f) for f in facts if f.kind in ("start", "keep")]
        if found:
            return asked, say("The medicines are: {}.", "Las medicinas son: {}.").format(join_words(found, lang))
    elif kind == "vital":
        found = [f for f in facts if f.kind == "vital"]
        sort = found[-1].data["kind"] if found else rng.choice(list(VITALS))
        asked = say("What was the last {}?|What is the latest {}?", "¿Cuál fue el último valor de {}?|¿Cuál es el valor más reciente de {}?"
                    ).format(VITALS[sort][2][lang])
        if found:
            return asked, say("It was {} {}.", "Fue {} {}.").format(writer.vital(found[-1].data["value"], sort), writer.on(found[-1].day))
    elif kind == "appointment":
        asked = say("When is the next appointment?|What appointments are pending?|When do I have to go back?",
                    "¿Cuándo es la próxima cita?|¿Qué citas hay pendientes?|¿Cuándo tengo que volver?")
        found = [writer.planned(f) for f in facts if f.kind in ("appointment", "pending", "back")]
        if found:
            return asked, " ".join(found)
    else:
        asked = say("What is the diagnosis?|What was I diagnosed with?|Which diagnoses are there?",
                    "¿Cuál es el diagnóstico?|¿Qué me diagnosticaron?|¿Qué diagnósticos hay?")
        found = list(dict.fromkeys(f.name[lang] for f in facts if f.kind in ("visit", "check") and f.name))
        if found:
            return asked, say("The diagnosis is {}.", "El diagnóstico es {}.").format(join_words(found, lang))
    return asked, ("The records do not say.", "Los registros no lo dicen.")[lang]
