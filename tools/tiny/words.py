"""The words the synthetic records are made of, as (English, Spanish) pairs.

Language 0 is English and 1 is Spanish everywhere in this folder, so a fact holds the pair and
the same fact can be a Spanish record and an English summary.
"""

EN, ES = 0, 1

MONTHS = (
    "January February March April May June July August September October November December".split(),
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
)

SYMPTOMS = [
    ("headache", "dolor de cabeza"), ("dizziness", "mareo"), ("fever", "fiebre"),
    ("cough", "tos"), ("dry cough", "tos seca"), ("sore throat", "dolor de garganta"),
    ("chest pain", "dolor en el pecho"), ("shortness of breath", "falta de aire"),
    ("tiredness", "cansancio"), ("nausea", "náuseas"), ("vomiting", "vómitos"),
    ("diarrhoea", "diarrea"), ("stomach pain", "dolor de estómago"), ("heartburn", "acidez"),
    ("back pain", "dolor de espalda"), ("knee pain", "dolor de rodilla"),
    ("joint pain", "dolor en las articulaciones"), ("muscle aches", "dolores musculares"),
    ("rash", "sarpullido"), ("itching", "picor"), ("blurred vision", "visión borrosa"),
    ("thirst", "sed"), ("frequent urination", "orina frecuente"),
    ("burning when urinating", "escozor al orinar"), ("swollen ankles", "hinchazón de tobillos"),
    ("palpitations", "palpitaciones"), ("insomnia", "insomnio"), ("anxiety", "ansiedad"),
    ("low mood", "ánimo bajo"), ("runny nose", "goteo nasal"), ("sneezing", "estornudos"),
    ("ear pain", "dolor de oído"), ("weight loss", "pérdida de peso"),
    ("weight gain", "aumento de peso"), ("constipation", "estreñimiento"),
    ("wheezing", "silbidos en el pecho"), ("chills", "escalofríos"),
    ("loss of appetite", "pérdida de apetito"), ("tingling in the feet", "hormigueo en los pies"),
    ("pale skin", "palidez"), ("neck pain", "dolor de cuello"), ("cold hands", "manos frías"),
    ("red eyes", "ojos rojos"), ("hip pain", "dolor de cadera"),
]
_S = {en: (en, es) for en, es in SYMPTOMS}

BODY = [  # for aches that are in no list
    ("left arm", "el brazo izquierdo"), ("right arm", "el brazo derecho"), ("left leg", "la pierna izquierda"),
    ("right leg", "la pierna derecha"), ("left shoulder", "el hombro izquierdo"), ("right shoulder", "el hombro derecho"),
    ("jaw", "la mandíbula"), ("wrist", "la muñeca"), ("elbow", "el codo"), ("left foot", "el pie izquierdo"),
    ("right foot", "el pie derecho"), ("hand", "la mano"), ("lower abdomen", "el bajo vientre"), ("ribs", "las costillas"),
    ("left eye", "el ojo izquierdo"), ("right ear", "el oído derecho"), ("groin", "la ingle"), ("heel", "el talón"),
    ("upper back", "la espalda alta"), ("finger", "el dedo"), ("tongue", "la lengua"), ("calf", "la pantorrilla"),
]

# diagnosis, symptoms, medicines, laboratory tests, vital signs, specialty
_CONDITIONS = """
high blood pressure|hipertensión|headache,dizziness,blurred vision|losartan,enalapril,amlodipine,lisinopril,hydrochlorothiazide,ramipril,valsartan|creatinine,potassium,cholesterol|bp,pulse,weight|cardiology
type 2 diabetes|diabetes tipo 2|thirst,frequent urination,tiredness,weight loss,blurred vision|metformin,glibenclamide,sitagliptin,empagliflozin,insulin glargine,gliclazide|hba1c,glucose,creatinine|sugar,weight|endocrinology
prediabetes|prediabetes|tiredness,weight gain,thirst|metformin|hba1c,glucose|sugar,weight|nutrition
high cholesterol|colesterol alto|tiredness,chest pain|atorvastatin,rosuvastatin,simvastatin,ezetimibe|cholesterol,ldl,hdl,triglycerides|weight,bp|cardiology
hypothyroidism|hipotiroidismo|tiredness,weight gain,constipation,cold hands|levothyroxine|tsh,t4|weight,pulse|endocrinology
hyperthyroidism|hipertiroidismo|palpitations,weight loss,anxiety|methimazole,propranolol|tsh,t4|pulse,weight|endocrinology
asthma|asma|wheezing,shortness of breath,dry cough|salbutamol,budesonide,montelukast,formoterol|eosinophils|spo2,breaths|pulmonology
chronic bronchitis|bronquitis crónica|cough,shortness of breath,wheezing|tiotropium,salbutamol,prednisone|crp,white cells|spo2,breaths|pulmonology
pneumonia|neumonía|fever,cough,shortness of breath,chills|amoxicillin,azithromycin,levofloxacin,paracetamol|crp,white cells|temp,spo2|pulmonology
acute bronchitis|bronquitis aguda|cough,fever,chest pain|paracetamol,dextromethorphan,salbutamol|white cells,crp|temp,spo2|general practice
tonsillitis|amigdalitis|sore throat,fever|amoxicillin,paracetamol,ibuprofen|crp,white cells|temp,pulse|general practice
sinusitis|sinusitis|headache,runny nose,fever|amoxicillin,fluticasone,paracetamol|crp|temp|ear, nose and throat
ear infection|infección de oído|ear pain,fever,dizziness|amoxicillin,ciprofloxacin,ibuprofen|white cells|temp|ear, nose and throat
flu|gripe|fever,muscle aches,cough,chills|oseltamivir,paracetamol,ibuprofen|crp|temp,spo2|general practice
urinary tract infection|infección de orina|burning when urinating,frequent urination,fever|nitrofurantoin,fosfomycin,ciprofloxacin,cephalexin|white cells,creatinine|temp,pulse|urology
gastroenteritis|gastroenteritis|diarrhoea,vomiting,fever,stomach pain|oral rehydration salts,loperamide,ondansetron|potassium,sodium|temp,weight|general practice
gastritis|gastritis|stomach pain,heartburn,nausea|omeprazole,pantoprazole,famotidine|haemoglobin|weight|gastroenterology
acid reflux|reflujo ácido|heartburn,dry cough,chest pain|omeprazole,esomeprazole,famotidine|haemoglobin|weight|gastroenterology
anaemia|anemia|tiredness,pale skin,dizziness,palpitations|ferrous sulfate,folic acid,vitamin B12|haemoglobin,ferritin|pulse,weight|haematology
migraine|migraña|headache,nausea,blurred vision|sumatriptan,topiramate,naproxen,propranolol|haemoglobin|bp|neurology
depression|depresión|low mood,insomnia,loss of appetite|sertraline,fluoxetine,escitalopram|tsh,vitamin D|weight|psychiatry
anxiety disorder|trastorno de ansiedad|anxiety,insomnia,palpitations|sertraline,escitalopram,lorazepam|tsh|pulse,bp|psychology
insomnia|insomnio|tiredness,anxiety|melatonin,trazodone|tsh|pulse|psychology
knee osteoarthritis|artrosis de rodilla|knee pain,joint pain|paracetamol,naproxen,diclofenac|crp,uric acid|weight|orthopaedics
low back pain|lumbalgia|back pain|ibuprofen,diclofenac,cyclobenzaprine|crp|bp,weight|physiotherapy
gout|gota|joint pain,swollen ankles|colchicine,allopurinol,naproxen|uric acid,creatinine|weight,bp|rheumatology
rheumatoid arthritis|artritis reumatoide|joint pain,tiredness|methotrexate,prednisone,folic acid|crp,haemoglobin|weight,temp|rheumatology
heart failure|insuficiencia cardiaca|swollen ankles,shortness of breath,tiredness|furosemide,bisoprolol,spironolactone,enalapril|potassium,creatinine,sodium|weight,bp,pulse,spo2|cardiology
atrial fibrillation|fibrilación auricular|palpitations,dizziness|bisoprolol,apixaban,warfarin,digoxin|inr,potassium|pulse,bp|cardiology
chronic kidney disease|enfermedad renal crónica|tiredness,swollen ankles|losartan,furosemide,calcium carbonate|creatinine,potassium,haemoglobin|bp,weight|nephrology
allergic rhinitis|rinitis alérgica|sneezing,runny nose,red eyes|loratadine,cetirizine,fluticasone|eosinophils|pulse|allergy
eczema|eccema|rash,itching|hydrocortisone,cetirizine|eosinophils|temp|dermatology
shingles|herpes zóster|rash,chills|aciclovir,gabapentin,paracetamol|white cells|temp|dermatology
conjunctivitis|conjuntivitis|red eyes,itching|tobramycin,olopatadine|white cells|temp|ophthalmology
vitamin D deficiency|déficit de vitamina D|tiredness,muscle aches|vitamin D|vitamin D,calcium|weight|general practice
osteoporosis|osteoporosis|back pain,hip pain|alendronate,vitamin D,calcium carbonate|vitamin D,calcium|weight|rheumatology
neuropathy|neuropatía|tingling in the feet|gabapentin,pregabalin,vitamin B12|hba1c,vitamin D|sugar|neurology
constipation|estreñimiento|constipation,stomach pain|lactulose,polyethylene glycol|tsh,potassium|weight|gastroenterology
cellulitis|celulitis|fever,rash,chills|cephalexin,clindamycin,paracetamol|white cells,crp|temp,pulse|general practice
obesity|obesidad|weight gain,tiredness,knee pain|semaglutide,metformin|hba1c,cholesterol,triglycerides|weight,bp|nutrition
"""

SPECIALTIES = {
    "cardiology": "cardiología", "endocrinology": "endocrinología", "nutrition": "nutrición",
    "pulmonology": "neumología", "general practice": "medicina general",
    "ear, nose and throat": "otorrinolaringología", "urology": "urología",
    "gastroenterology": "gastroenterología", "haematology": "hematología",
    "neurology": "neurología", "psychiatry": "psiquiatría", "psychology": "psicología",
    "orthopaedics": "traumatología", "physiotherapy": "fisioterapia",
    "rheumatology": "reumatología", "nephrology": "nefrología", "allergy": "alergología",
    "dermatology": "dermatología", "ophthalmology": "oftalmología",
}

# medicine|Spanish name|doses|unit
_MEDICINES = """
losartan|losartán|25 50 100|mg
enalapril|enalapril|5 10 20|mg
amlodipine|amlodipino|2.5 5 10|mg
lisinopril|lisinopril|5 10 20 40|mg
hydrochlorothiazide|hidroclorotiazida|12.5 25 50|mg
ramipril|ramipril|2.5 5 10|mg
valsartan|valsartán|80 160 320|mg
metformin|metformina|500 850 1000|mg
glibenclamide|glibenclamida|2.5 5|mg
sitagliptin|sitagliptina|50 100|mg
empagliflozin|empagliflozina|10 25|mg
insulin glargine|insulina glargina|8 10 12 14 16 18 20 22 24 28 32|units
gliclazide|gliclazida|30 60 80|mg
atorvastatin|atorvastatina|10 20 40 80|mg
rosuvastatin|rosuvastatina|5 10 20|mg
simvastatin|simvastatina|10 20 40|mg
ezetimibe|ezetimiba|10|mg
levothyroxine|levotiroxina|25 50 75 88 100 112 125 150|mcg
methimazole|metimazol|5 10 20|mg
propranolol|propranolol|10 20 40 80|mg
salbutamol|salbutamol|100 200|mcg
budesonide|budesonida|100 200 400|mcg
montelukast|montelukast|5 10|mg
formoterol|formoterol|6 12|mcg
tiotropium|tiotropio|18|mcg
prednisone|prednisona|5 10 20 30 40|mg
amoxicillin|amoxicilina|250 500 750 875 1000|mg
azithromycin|azitromicina|250 500|mg
levofloxacin|levofloxacino|500 750|mg
paracetamol|paracetamol|500 650 1000|mg
dextromethorphan|dextrometorfano|15 30|mg
ibuprofen|ibuprofeno|200 400 600|mg
fluticasone|fluticasona|50 100|mcg
ciprofloxacin|ciprofloxacino|250 500 750|mg
oseltamivir|oseltamivir|75|mg
nitrofurantoin|nitrofurantoína|50 100|mg
fosfomycin|fosfomicina|3|g
cephalexin|cefalexina|250 500|mg
oral rehydration salts|suero oral|200 250 500|ml
loperamide|loperamida|2 4|mg
ondansetron|ondansetrón|4 8|mg
omeprazole|omeprazol|10 20 40|mg
pantoprazole|pantoprazol|20 40|mg
famotidine|famotidina|20 40|mg
esomeprazole|esomeprazol|20 40|mg
ferrous sulfate|sulfato ferroso|200 300 325|mg
folic acid|ácido fólico|1 5|mg
vitamin B12|vitamina B12|500 1000|mcg
sumatriptan|sumatriptán|50 100|mg
topiramate|topiramato|25 50 100|mg
naproxen|naproxeno|250 500 550|mg
sertraline|sertralina|25 50 100 150|mg
fluoxetine|fluoxetina|10 20 40|mg
escitalopram|escitalopram|5 10 20|mg
lorazepam|lorazepam|0.5 1 2|mg
melatonin|melatonina|2 3 5|mg
trazodone|trazodona|50 100|mg
diclofenac|diclofenaco|50 75 100|mg
cyclobenzaprine|ciclobenzaprina|5 10|mg
colchicine|colchicina|0.5 1|mg
allopurinol|alopurinol|100 200 300|mg
methotrexate|metotrexato|7.5 10 15 20|mg
furosemide|furosemida|20 40 80|mg
bisoprolol|bisoprolol|1.25 2.5 5 10|mg
spironolactone|espironolactona|25 50|mg
apixaban|apixabán|2.5 5|mg
warfarin|warfarina|2.5 3 5|mg
digoxin|digoxina|0.125 0.25|mg
calcium carbonate|carbonato de calcio|500 600 1250|mg
loratadine|loratadina|10|mg
cetirizine|cetirizina|5 10|mg
hydrocortisone|hidrocortisona|10 20|mg
aciclovir|aciclovir|200 400 800|mg
gabapentin|gabapentina|100 300 400 600|mg
tobramycin|tobramicina|3 5|mg
olopatadine|olopatadina|1|mg
vitamin D|vitamina D|400 800 1000 2000|units
alendronate|alendronato|10 70|mg
pregabalin|pregabalina|25 75 150|mg
lactulose|lactulosa|10 15 30|ml
polyethylene glycol|polietilenglicol|13 17|g
clindamycin|clindamicina|150 300 600|mg
semaglutide|semaglutida|0.25 0.5 1 2.4|mg
aspirin|aspirina|75 81 100 300|mg
clopidogrel|clopidogrel|75|mg
tramadol|tramadol|50 100|mg
dapagliflozin|dapagliflozina|5 10|mg
carvedilol|carvedilol|3.125 6.25 12.5 25|mg
metoprolol|metoprolol|25 50 100|mg
"""

UNITS = {"mg": ("mg", "mg"), "mcg": ("mcg", "mcg"), "g": ("g", "g"), "ml": ("ml", "ml"),
         "units": ("units", "unidades")}

# key|English|Spanish|Spanish article|unit|low|high|decimals
_LABS = """
hba1c|HbA1c|HbA1c|la|%|4.8|13.9|1
glucose|fasting glucose|glucosa en ayunas|la|mg/dL|62|298|0
creatinine|creatinine|creatinina|la|mg/dL|0.5|3.9|2
potassium|potassium|potasio|el|mmol/L|2.9|6.1|1
sodium|sodium|sodio|el|mmol/L|126|151|0
cholesterol|total cholesterol|colesterol total|el|mg/dL|121|342|0
ldl|LDL cholesterol|colesterol LDL|el|mg/dL|48|238|0
hdl|HDL cholesterol|colesterol HDL|el|mg/dL|24|92|0
triglycerides|triglycerides|triglicéridos|los|mg/dL|58|486|0
tsh|TSH|TSH|la|mIU/L|0.05|18.9|2
t4|free T4|T4 libre|la|ng/dL|0.4|3.8|1
eosinophils|eosinophils|eosinófilos|los|%|0.5|14.9|1
crp|C-reactive protein|proteína C reactiva|la|mg/L|1|198|0
white cells|white blood cells|leucocitos|los|x10^9/L|3.1|19.8|1
haemoglobin|haemoglobin|hemoglobina|la|g/dL|7.1|17.4|1
ferritin|ferritin|ferritina|la|ng/mL|4|389|0
vitamin D|vitamin D|vitamina D|la|ng/mL|7|68|0
uric acid|uric acid|ácido úrico|el|mg/dL|3.1|11.8|1
inr|INR|INR|el||1.1|4.9|1
calcium|calcium|calcio|el|mg/dL|7.4|11.9|1
"""

# key -> (English names in records, Spanish names in records, summary names, units, low, high, decimals, clear change)
VITALS = {
    "bp": (["BP", "Blood pressure", "blood pressure"], ["PA", "TA", "Presión arterial", "presión arterial", "Tensión arterial"],
           ("blood pressure", "presión arterial"), ("mmHg", "mmHg"), 94, 204, 0, 8),
    "pulse": (["HR", "Pulse", "Heart rate", "heart rate"], ["FC", "Pulso", "pulso", "Frecuencia cardiaca"],
              ("heart rate", "frecuencia cardiaca"), ("bpm", "lpm"), 46, 138, 0, 8),
    "temp": (["Temp", "Temperature", "temperature"], ["Temp.", "Temperatura", "temperatura", "Tª"],
             ("temperature", "temperatura"), ("°C", "°C"), 35.6, 40.4, 1, .5),
    "weight": (["Weight", "weight", "Wt"], ["Peso", "peso"],
               ("weight", "peso"), ("kg", "kg"), 41, 139, 1, 1.5),
    "sugar": (["Glucose", "Blood sugar", "blood glucose"], ["Glucosa", "Glucemia", "glucosa"],
              ("blood glucose", "glucosa"), ("mg/dL", "mg/dL"), 64, 320, 0, 12),
    "spo2": (["SpO2", "Oxygen saturation", "O2 sat"], ["SpO2", "Saturación de oxígeno", "Sat. O2"],
             ("oxygen saturation", "saturación de oxígeno"), ("%", "%"), 84, 99, 0, 2),
    "breaths": (["RR", "Respiratory rate"], ["FR", "Frecuencia respiratoria"],
                ("respiratory rate", "frecuencia respiratoria"), ("per minute", "rpm"), 11, 34, 0, 3),
}

FREQUENCIES = [
    ("once a day", "una vez al día"), ("twice a day", "dos veces al día"),
    ("three times a day", "tres veces al día"), ("every 24 hours", "cada 24 horas"),
    ("every 12 hours", "cada 12 horas"), ("every 8 hours", "cada 8 horas"),
    ("every 6 hours", "cada 6 horas"), ("every 4 hours", "cada 4 horas"),
    ("at night", "por la noche"), ("in the morning", "por la mañana"),
    ("once a week", "una vez por semana"), ("as needed", "si hace falta"),
    ("with meals", "con las comidas"), ("daily", "al día"),
]

TESTS = [  # an examination and what it may find
    (("chest X-ray", "radiografía de tórax"), [("normal", "normal"), ("no changes", "sin cambios"), ("consolidation in the right base", "consolidación en la base derecha")]),
    (("electrocardiogram", "electrocardiograma"), [("normal sinus rhythm", "ritmo sinusal normal"), ("irregular rhythm", "ritmo irregular"), ("normal", "normal")]),
    (("abdominal ultrasound", "ecografía abdominal"), [("normal", "normal"), ("fatty liver", "hígado graso"), ("small gallstones", "cálculos biliares pequeños")]),
    (("urine test", "análisis de orina"), [("normal", "normal"), ("bacteria present", "presencia de bacterias"), ("protein present", "presencia de proteínas")]),
    (("eye exam", "examen de la vista"), [("normal", "normal"), ("no retinopathy", "sin retinopatía")]),
    (("knee X-ray", "radiografía de rodilla"), [("joint wear", "desgaste articular"), ("no fracture", "sin fractura")]),
    (("spirometry", "espirometría"), [("mild obstruction", "obstrucción leve"), ("normal", "normal")]),
    (("echocardiogram", "ecocardiograma"), [("normal function", "función normal"), ("mild valve leak", "fuga valvular leve")]),
    (("bone density scan", "densitometría ósea"), [("low bone density", "densidad ósea baja"), ("normal", "normal")]),
    (("endoscopy", "endoscopia"), [("mild inflammation", "inflamación leve"), ("normal", "normal")]),
]

PENDING = [  # things still to be done
    ("blood test", "análisis de sangre"), ("chest X-ray", "radiografía de tórax"),
    ("electrocardiogram", "electrocardiograma"), ("eye exam", "examen de la vista"),
    ("abdominal ultrasound", "ecografía abdominal"), ("urine test", "análisis de orina"),
    ("echocardiogram", "ecocardiograma"), ("flu vaccine", "vacuna de la gripe"),
    ("spirometry", "espirometría"), ("foot check", "revisión de los pies"),
    ("HbA1c test", "análisis de HbA1c"), ("blood pressure check", "control de la presión arterial"),
]

SURNAMES = ("García Martínez López Sánchez Pérez Gómez Ruiz Torres Rivera Castro Morales Ortega Vega Soto "
            "Smith Jones Brown Taylor Wilson Evans Walker Wright Hughes Clarke Patel Khan").split()


def _rows(text):
    return [line.split("|") for line in text.strip().splitlines()]


MEDICINES = {r[0]: ((r[0], r[1]), r[2].split(), r[3]) for r in _rows(_MEDICINES)}
LABS = {r[0]: ((r[1], r[2]), r[3], r[4], float(r[5]), float(r[6]), int(r[7])) for r in _rows(_LABS)}
CONDITIONS = [
    dict(name=(r[0], r[1]), symptoms=[_S[s] for s in r[2].split(",")], medicines=r[3].split(","),
         labs=r[4].split(","), vitals=r[5].split(","), specialty=r[6])
    for r in _rows(_CONDITIONS)
]
for _c in CONDITIONS:  # a typing error here should fail at import, not in the third hour of training
    assert all(m in MEDICINES for m in _c["medicines"]), _c
    assert all(k in LABS for k in _c["labs"]), _c
    assert all(k in VITALS for k in _c["vitals"]) and _c["specialty"] in SPECIALTIES, _c
