"""The words of headings that people and programs choose, in English, German, French and Spanish.

A heading is compared without case and accents, and taken apart into words.
"""

from __future__ import annotations

HEADINGS = {
    "name": (
        "name, full name, fullname, display name, displayname, contact name, "
        "vollstandiger name, anzeigename, nom complet, nombre completo, ansprechpartner, "
        "kontakt"
    ),
    "given_name": "first name, firstname, given name, givenname, forename, vorname, prenom",
    "middle_name": (
        "middle name, middlename, additional name, second name, zweiter vorname, deuxieme prenom, segundo nombre"
    ),
    "family_name": (
        "last name, lastname, surname, family name, familyname, nachname, familienname, "
        "nom de famille, apellido, apellidos"
    ),
    "prefix": "prefix, name prefix, salutation, anrede, civilite, tratamiento",
    "suffix": "suffix, name suffix, suffixe, sufijo",
    "nickname": "nickname, nick, spitzname, surnom, apodo, alias",
    "company": (
        "company, company name, companyname, organization, organisation, organization name, "
        "org, firma, unternehmen, employer, societe, entreprise, organizacion, empresa, "
        "compania"
    ),
    "department": "department, dept, abteilung, service, departamento",
    "title": ("title, job title, jobtitle, position, occupation, beruf, funktion, fonction, puesto, cargo"),
    "role": "role, rolle",
    "birthday": (
        "birthday, birth date, birthdate, date of birth, dob, bday, geburtstag, "
        "geburtsdatum, date de naissance, anniversaire, fecha de nacimiento, cumpleanos"
    ),
    "notes": (
        "note, notes, comment, comments, remark, remarks, description, notiz, notizen, "
        "bemerkung, bemerkungen, kommentar, remarque, remarques, commentaire, commentaires, "
        "nota, notas, comentario, comentarios, observaciones"
    ),
    "details.group": (
        "label, labels, tag, tags, group, groups, category, categories, group membership, "
        "kategorie, kategorien, gruppe, gruppen, etiquette, etiquettes, categorie, groupe, "
        "groupes, etiqueta, etiquetas, categoria, categorias, grupo, grupos"
    ),
    "details.date:Anniversary": "anniversary, wedding anniversary, hochzeitstag, jahrestag, aniversario",
    "details.relation:Spouse": "spouse, partner, husband, wife, ehepartner, conjoint, conyuge",
    "details.im": "im, im address, skype, messenger, jabber, xmpp",
}
"""Whole headings."""

KINDS = {
    "details.phone:Fax": "fax telefax telecopie faxnummer",
    "details.phone:Pager": "pager",
    "details.phone:Mobile": "mobile cell cellphone mobil handy mobiltelefon mobilnummer handynummer movil celular",
    "details.phone": "phone phones telephone telephones tel telefon telefonnummer rufnummer telefono phonenumber",
    "details.email": "mail email emails courriel correo mailadresse emailadresse emailaddress messagerie",
    "details.url": "website web url homepage webseite webpage internet",
    "details.address.street": "street strasse rue calle address1 address2 streetaddress",
    "details.address.postcode": "zip zipcode postcode postal plz postleitzahl cp",
    "details.address.city": "city town ort stadt wohnort ville ciudad localidad",
    "details.address.region": "state province region bundesland kanton provincia",
    "details.address.country": "country land pays pais",
    "details.address": "address adresse anschrift direccion",
}
"""In this order: the first that a heading has a word of."""

LABELS = {
    "Home": "home private privat personal domicile personnel particular casa",
    "Work": "work business office geschaftlich dienstlich beruflich buro bureau travail professionnel trabajo oficina "
    "company firma arbeit",
    "Main": "main haupt principal zentrale",
    "Other": "other weitere weiteres sonstige autre otro otra",
}

NO_VALUES = frozenset(["type", "typ", "label", "kind", "count", "verified", "status", "id", "date", "consent", "optin"])
"""Words of headings whose cells are about a number or an address, and are none."""
