"""Names, places and the practice's configuration: an Australian clinic that does not exist."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE_FIRST_NAMES = _words(
    """
    Olivia Charlotte Amelia Isla Matilda Zoë Renée Chloé Harriet Imogen Freya Maeve Bronwyn Siobhan Priya
    Anjali Mei Xiu-Ying Thuy Linh Fatima Leila Aroha Kirra Jarrah Yindi Beatrix Rosalind Margaret Dorothy
    Beryl Shirley Lorraine Heather Gwendolyn Maureen Noelene Cheryl Deborah Leanne Michelle Nicole Rebecca
    Samantha Bridget Caitlin Georgina Philippa Francesca Giulia Katarina Svetlana Agnieszka Ingrid Astrid
    Saoirse Niamh Eleni
    """
)
MALE_FIRST_NAMES = _words(
    """
    Oliver Noah Jack Henry Lachlan Hamish Callum Angus Fergus Declan Finn Rory Tadhg José André François Björn
    Mateusz Giovanni Dimitri Stavros Arjun Rohan Vikram Hiroshi Wei Minh Quang Tariq Youssef Omar Jarli Koa
    Tane Barry Trevor Neville Clive Kenneth Raymond Leslie Desmond Graeme Stuart Darren Shane Craig Brett
    Damien Nathaniel Zachary Benedict Augustus Leopold Sebastian Théo Xavier Cooper Hudson Archer
    """
)
# Patients' family names are held apart from those of staff, referrers and coordinators, and are no English
# words: finding one of them in a log means that a patient's name got there.
PATIENT_LAST_NAMES = _words(
    """
    Abernathy Achterberg Adeyemi Agapitos Ainsworth Alcantara Alderdice Anagnostou Andrianakis Arbuthnot
    Ashcroft Atherton Auchterlonie Babatunde Baczynski Balasubramaniam Balmforth Bannister Barraclough
    Bartholomeusz Beauchamp Bellingham Bhattacharya Blackwood Blenkinsop Bonaventura Bosworth Bracegirdle
    Braithwaite Bukowski Butterworth Cadwallader Calderbank Cartwright Castellanos Cavanagh Chandrasekaran
    Charalambous Chowdhury Cholmondeley Christofides Clutterbuck Colquhoun Constantinou Coorey Cotterill
    Crosthwaite Cruickshank Czerwinski D'Angelo Dalgleish Dashwood Delacroix Demetriou Desrosiers Dimopoulos
    Dobrowolski Donoghue Drakopoulos Drinkwater Dziedzic Earnshaw Eccleston Egglestone Ellingworth Entwistle
    Etherington Fairweather Fanshawe Farquharson Featherstonhaugh Fernando Fitzwilliam Fotheringham
    Frangopoulos Galbraith Gallagher Garabedian Georgiou Giannopoulos Gillespie Glendenning Goldsworthy
    Gopalakrishnan Goodenough Greatorex Grzybowski Gunasekara Haddadin Hallorann Hargreaves Harkavy Hathersage
    Heatherington Hendrawan Higginbotham Hinchliffe Holloway Hornbuckle Houlihan Huckstepp Ibrahimovic
    Illingworth Ilyinsky Inglethorpe Ivanovski Jayasuriya Jedrzejczak Jerrabomberra Jovanovic Kaczmarek
    Kalogeropoulos Karagiannis Karunaratne Kavanagh Kazantzakis Kilbourne Kirkpatrick Kowalczyk Krzyzewski
    Kumaraswamy Lachowicz Lalonde Lamprecht Langridge Lavarack Leichhardt Lewandowski Liyanage Llewellyn
    Loughborough Lythgoe Macalister Machado MacGillicuddy Mainwaring Makarewicz Manickavasagam Mavromatis
    McConaghy McGlashan McIlwraith Meldrum Michailidis Mieczkowski Molyneux Montefiore Mouratidis Mulcahy
    Musgrove Nakagawa Nanayakkara Naughton Netherwood Nettlefold Nguyễn Niarchos Nikolaidis Nowakowski Núñez
    O'Brien O'Callaghan O'Shaughnessy Oakeshott Ogilvie Okonkwo Olszewski Onslow Osterberg Ottaviani
    Palaniappan Papadopoulos Paszkiewicz Pembroke Penhaligon Petropoulos Pietrzak Pilkington Plowright
    Polkinghorne Postlethwaite Prendergast Pritchard Przybylski Quackenbush Quartermaine Rajapakse Ramanathan
    Ravenscroft Remington Rigopoulos Rodrigues Rowbottom Ruthven Rzepecki Salisbury Sandringham Satyanarayana
    Scarborough Schwarzenbach Selvaratnam Senanayake Shackleton Shaughnessy Sidebottom Silberstein Sivakumar
    Skarsgaard Skrzypczak Somerville Spyropoulos Stanislavski Stathopoulos Strathearn Subramanian Sutherland
    Szymanski Tarkowski Tattersall Theodorakis Thistlethwaite Throckmorton Tomaszewski Tranter Trevelyan
    Tsiolkas Twistleton Uppington Vandenberg Vanderhoek Vasilakis Venkataraman Villanueva Vongsavath
    Waddington Wanganeen Warburton Weatherburn Whittingham Wickramasinghe Wigglesworth Willoughby Winterbottom
    Wojciechowski Wolstenholme Wooldridge Worthington Wrzesniewski Xanthopoulos Yiannopoulos Yunupingu
    Zablocki Zachariadis Zielinski Zografos
    """
)
OTHER_LAST_NAMES = _words(
    """
    Anderson Baker Campbell Davis Evans Ferguson Grant Harris Jackson Kelly Lee Martin Nelson Owens Parker
    Quinn Roberts Stewart Taylor Walker Young Wright Bennett Collins Fraser Morris Palmer Sharma Singh Wong
    """
)

CLINICS = (  # name, colour
    ("Newcastle", "#3B82F6"),
    ("Maitland", "#10B981"),
    ("Tamworth", "#F59E0B"),
    ("Gosford", "#EF4444"),
    ("Hornsby", "#8B5CF6"),
    ("Penrith", "#EC4899"),
    ("Wollongong", "#14B8A6"),
    ("Dubbo", "#F97316"),
    ("Port Macquarie", "#6366F1"),
    ("Coffs Harbour", "#84CC16"),
    ("Home Visits", "#64748B"),
)
CLINICIANS = (
    "Dr. Smith",
    "Claire Murray",
    "Jonathan Tan",
    "Adaeze Okafor",
    "Peter Nolan",
    "Grace Whitlam",
    "Alison Reid",
    "Harpreet Kaur",
    "Marco Bianchi",
)
OFFICE_STAFF = ("Tegan Doyle", "Wendy Hughes", "Ian Lawson")
APPOINTMENT_TYPES = (  # name, default duration in minutes
    ("Initial Assessment", 60),
    ("Review", 30),
    ("Fitting", 45),
    ("Follow-up", 20),
    ("Casting and Scan", 40),
    ("Footwear Consultation", 30),
)
FUNDING_SOURCES = (  # name, code
    ("NDIS", "NDIS"),
    ("DVA", "DVA"),
    ("Enable NSW", "ENABLE"),
    ("Private Health", "PHF"),
    ("Self Funded", "SELF"),
)
SPECIALTIES = (
    "General Practitioner",
    "Podiatrist",
    "Rheumatologist",
    "Orthopaedic Surgeon",
    "Physiotherapist",
)
SUBURBS = (  # suburb, post code
    ("Hamilton", "2303"),
    ("Merewether", "2291"),
    ("Rutherford", "2320"),
    ("Calala", "2340"),
    ("Erina", "2250"),
    ("Asquith", "2077"),
    ("Emu Plains", "2750"),
    ("Figtree", "2525"),
    ("Sawtell", "2452"),
    ("Lake Cathie", "2445"),
)
STREETS = (
    "Beaumont Street",
    "Darby Street",
    "High Street",
    "Peel Street",
    "Jacaranda Avenue",
    "Banksia Close",
)
COMPANY_WORDS = (
    "Hunter",
    "Coastal",
    "Northern",
    "Riverside",
    "Banksia",
    "Wattle",
    "Southern Cross",
    "Harbour",
)
COMPANY_KINDS = (  # kind of name, application's company type
    ("Family Practice", "MEDICAL_PRACTICE"),
    ("Medical Centre", "MEDICAL_PRACTICE"),
    ("Support Services", "NDIS_PROVIDER"),
    ("Plan Management", "NDIS_PROVIDER"),
    ("Footwear Supplies", "OTHER"),
)
DOCUMENT_TYPES = ("Referral", "Plan", "Quote", "Consent Form", "Medical Report", "Invoice", "Order Form")
IMAGE_TYPES = ("Foot", "Plantar", "Shoe", "Gait", "Casting", "X-ray")
NOTE_TYPES = (  # FileMaker's word, Nexus's code; other words become "other"
    ("Clinical Notes", "clinical_notes"),
    ("Clinic Dates", "clinic_dates"),
    ("Order Notes", "order_notes"),
    ("Admin Notes", "admin_notes"),
    ("Referral", "referral"),
    ("3D Scan Data", "3d_scan_data"),
    ("Workshop Note", "workshop_note"),
    ("Other", "other"),
    ("Phone Call", "other"),
    ("", "other"),
)
LETTER_TYPES = ("Referrer Report", "NDIS Report", "Quote Cover", "Recall")


def account_of(full_name: str) -> str:
    """Return the FileMaker account of a member of staff, such as `cmurray`."""
    first, last = full_name.split(" ", 1)
    return f"{first[0]}{last}".lower().replace(" ", "").replace("'", "")


STAFF = CLINICIANS + OFFICE_STAFF
ACCOUNTS = tuple(account_of(name) for name in STAFF)
