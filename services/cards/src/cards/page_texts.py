"""What the pages say, in English and in French."""

from typing import Literal

Language = Literal["en", "fr"]
Texts = dict[str, str | list[str]]

TEXTS: dict[Language, Texts] = {
    "en": {
        "save": "Save contact",
        "actions": "Get in touch",
        "call": "Call",
        "mail": "E-mail",
        "website": "Website",
        "map": "Map",
        "phone": "Phone",
        "address": "Address",
        "contact": "Contact",
        "about": "About",
        "scan": "Scan to keep",
        "scan_how": "Point a phone’s camera here to take this card with you.",
        "qr": "QR code of this page",
        "picture": "The business card of {name}",
        "portrait": "Portrait of {name}",
        "share": "Share this card",
        "share_mail": "By e-mail",
        "share_text": "By text message",
        "share_qr": "Save the QR code",
        "missing_title": "There is no card here",
        "missing": "Its owner may have taken it back, or the address has a slip in it.",
        "made": "A card by Cartulary",
        "landing_title": "Business cards that stay true.",
        "landing_short": "Digital business cards with a page, a QR code and a contact file.",
        "landing_what": "One card, one address. Share it as a page, a QR code or a contact file; "
        "whoever keeps it sees what you changed a moment ago.",
        "landing_points": [
            "Saved in one tap, by any phone, without an app.",
            "Printed, it is a card of 85 by 55 millimetres.",
            "Visitors are counted, and nobody is followed.",
            "Every change is kept, and a person who asks is forgotten.",
        ],
        "landing_where": "Where to go",
        "landing_see": "See the card",
        "landing_docs": "Read the API",
        "landing_health": "System health",
        "landing_demo": "A card, live",
        "landing_qr": "QR code of the card that is shown",
        "landing_live": "This is no picture: change the card, and it changes here.",
    },
    "fr": {
        "save": "Enregistrer le contact",
        "actions": "Prendre contact",
        "call": "Appeler",
        "mail": "E-mail",
        "website": "Site",
        "map": "Plan",
        "phone": "Téléphone",
        "address": "Adresse",
        "contact": "Coordonnées",
        "about": "À propos",
        "scan": "À scanner, à garder",
        "scan_how": "Visez ce code avec un téléphone pour emporter la carte.",
        "qr": "Code QR de cette page",
        "picture": "La carte de visite de {name}",
        "portrait": "Portrait de {name}",
        "share": "Partager cette carte",
        "share_mail": "Par e-mail",
        "share_text": "Par SMS",
        "share_qr": "Enregistrer le code QR",
        "missing_title": "Il n’y a pas de carte ici",
        "missing": "Son propriétaire l’a peut-être retirée, ou l’adresse contient une erreur.",
        "made": "Une carte Cartulary",
        "landing_title": "Des cartes de visite toujours justes.",
        "landing_short": "Des cartes de visite avec une page, un code QR et un fichier de contact.",
        "landing_what": "Une carte, une adresse. Partagez-la par sa page, son code QR ou son "
        "fichier de contact ; qui la garde voit ce que vous venez de changer.",
        "landing_points": [
            "Enregistrée d’un geste, sur tout téléphone, sans application.",
            "Imprimée, c’est une carte de 85 sur 55 millimètres.",
            "Les visiteurs sont comptés, personne n’est suivi.",
            "Chaque changement est conservé, et qui le demande est oublié.",
        ],
        "landing_where": "Où aller",
        "landing_see": "Voir la carte",
        "landing_docs": "Lire l’API",
        "landing_health": "État du système",
        "landing_demo": "Une carte, en direct",
        "landing_qr": "Code QR de la carte affichée",
        "landing_live": "Ce n’est pas une image : changez la carte, elle change ici.",
    },
}

_LABELS: dict[Language, dict[str, str]] = {
    "en": {"work": "Work", "home": "Home", "mobile": "Mobile", "cell": "Mobile", "fax": "Fax"},
    "fr": {
        "work": "Professionnel",
        "home": "Domicile",
        "mobile": "Mobile",
        "cell": "Mobile",
        "fax": "Fax",
    },
}


def label_in(language: Language, label: str, otherwise: str) -> str:
    """What stands beside a number: a known label in the reader's language, the owner's words as
    they are, or `otherwise` where there are none."""
    return _LABELS[language].get(label.strip().lower(), label.strip()) or otherwise
