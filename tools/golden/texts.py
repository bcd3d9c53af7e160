"""Strings that a tokenizer might get wrong."""

PLAIN = [
    "", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", " \n ", "\t\t\t", " a", "a ", " a ", "  a  b  ",
    "a", "A", "z", "0", "9", "!", "?", ".", "...", "-", "--", "---", "_", "/", "\\", "\"", "'", "`", "~", "^", "@", "#", "$", "%",
    "Hello", "hello", "HELLO", "Hello, world!", "Hello  world", "Hello\nworld", "Hello\tworld", "hello hello hello",
    "The quick brown fox jumps over the lazy dog.", "It's 5 o'clock; don't be late (please).",
    "blood pressure", "Blood Pressure", "BLOOD PRESSURE", "bloodpressure", "blood-pressure", "blood_pressure",
    "0123456789", "12", "123", "1234567", "3.14159", "1,000,000", "-40", "+5", "1/2", "152/94", "152/94 mmHg", "38,4 °C",
    "2024-03-12", "12/03/2024", "12 de marzo de 2024", "12 March 2024", "10:45", "x10^9/L", "7.2%", "7,2 %", "50 mg", "50mg",
    "España", "español", "mañana", "corazón", "análisis", "¿Qué tal?", "¡Hola!", "pingüino", "ÁÉÍÓÚÑÜ", "áéíóúñü",
    "Tuvo fiebre y tos.", "El diagnóstico fue hipertensión.", "Le recetaron amoxicilina 500 mg cada 8 horas.",
    "Su presión arterial pasó de 152/94 a 131/82 mmHg: bajó.", "Periodo: marzo de 2024.",
    "Tómese una pastilla al día, por la mañana; nunca dos.", "n\u0303", "e\u0301",
    "français", "garçon", "Straße", "Ångström", "São Paulo", "naïve café", "œuvre", "Ærø", "İstanbul", "żółw", "čeština",
    "Привет, мир!", "Здоровье", "Καλημέρα", "שלום", "مرحبا", "नमस्ते", "สวัสดี", "こんにちは", "カタカナ", "漢字", "你好,世界", "안녕하세요", "𠀀𠀁",
    "😀", "😀😀", "👩‍⚕️", "🇪🇸", "a😀b", "💊 50 mg", "❤️", "☂", "←→↑↓", "½ ¼ ¾", "²³", "№ 5", "™ © ®", "‰", "µg", "μg", "Ω", "∞",
    "\u00a0", "a\u00a0b", "\u200b", "\ufeff", "\u2028", "\u3000", "\u2581", "a\u2581b", "\ufffd", "\x01", "\x7f", "\x0b\x0c",
    "<s>", "</s>", "<unk>", "<0x0A>", "<|end|>", "<|user|>", "<|endoftext|>", "<|user|>\nHi<|end|>\n",
    "  two", "   three", "    four spaces", "trailing   ", "tabs\tand  spaces \t mixed", "\n\nlines\n\n\nmore\n", "a\r\nb\r\n", " \u2581 ",
    "Records:\n2024-03-12: BP 152/94", "Registros:\n- 12/03/2024: PA 152/94", "line one\nline two\n line three",
    "http://example.org/a?b=c&d=e#f", "name@example.org", "int main(void) { return 0; }", "{\"a\": [1, 2, 3]}", "<p class='x'>y</p>", "a=b+c*d/e%f",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababab", "                                        ", "1111111111111111", "////////", "mmmmmHgHgmmHg",
    "losartánlosartán", "diagnósticodiagnóstico", "Elelelel", "delosdelos de los", "hipertensiónhipertensión arterial",
    "¿", "¡", "ñ", "Ñ", "ñandú", "Ω≈ç√", "mixed español English русский 中文 😀 123", "«comillas» “quotes” ‘single’ – dash — dash …",
    "ALL CAPS AND lower AND CamelCase snake_case kebab-case", "semi;colon:colon,comma.period", "tab\there", "nul-free \x02\x03 controls",
]

CHATS = [
    "<|user|>\nHello<|end|>\n<|assistant|>\n",
    "<|user|>\nHola, ¿qué tal?<|end|>\n<|assistant|>\n",
    "<|system|>\nYou are a helpful assistant.<|end|>\n<|user|>\nWho are you?<|end|>\n<|assistant|>\n",
    "<|user|>\nHi<|end|>\n<|assistant|>\nHello!<|end|>\n<|user|>\nThanks<|end|>\n<|assistant|>\n",
    "<|user|>no newline<|end|><|assistant|>",
    "<|user|>   \n\t  spaces swallowed  <|end|>  \n\n  <|assistant|>\n\n",
    "text before <|user|>\nand after<|end|>",
    "<s><|user|>\n<|end|>\n</s>",
]
