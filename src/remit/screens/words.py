"""Words in English and Arabic that say what the number behind them is. Each pattern ends where the number begins."""

from __future__ import annotations

import re
from dataclasses import dataclass

from remit.screens.folding import fold

_GAP = 20
_HINT = 4


@dataclass(frozen=True, slots=True)
class Words:
    """Words that say what follows. `hints` are how they begin: without one of these, nothing is searched."""

    hints: frozenset[str]
    pattern: re.Pattern[str]

    def said(self, before: str) -> bool:
        """Tell whether the text before a number says it, at most a few words before its end."""
        lowered = before.lower()
        return any(hint in lowered for hint in self.hints) and self.pattern.search(before) is not None


def _said(phrases: str) -> Words:
    """Make words of phrases, one a line, as people write them; a blank is any blank or a dash."""
    folded = [fold(phrase).text.strip() for phrase in phrases.strip().splitlines()]
    spaced = "|".join(phrase.replace(" ", r"[\s_-]{0,2}") for phrase in folded)
    pattern = re.compile(rf"(?i)(?<![a-z])(?:{spaced})(?![a-z])[^0-9\n]{{0,{_GAP}}}\Z")
    return Words(frozenset(phrase.partition(" ")[0][:_HINT] for phrase in folded), pattern)


IDENTITY = _said("""
    national id
    nationalid
    identity
    iqama
    igama
    residence permit
    resident id
    saudi id
    civil id
    id number
    id no
    id card
    absher
    الهوية
    هوية
    هويته
    هويتها
    الإقامة
    إقامة
    إقامته
    السجل المدني
    سجل مدني
    بطاقة الأحوال
    الرقم الوطني
""")
EMIRATES = _said("""
    emirates id
    emiratesid
    eid
    uae id
    identity
    id card
    national id
    id number
    id no
    الهوية
    هوية
    هويته
    هويتها
""")
PASSPORT = _said("""
    passport
    passport no
    passport number
    جواز السفر
    جواز سفر
    جوازه
    الجواز
    جواز
""")
LICENCE = _said("""
    trade licence
    trade license
    commercial licence
    commercial license
    business licence
    business license
    licence no
    license no
    licence number
    license number
    cr no
    cr number
    cr
    commercial registration
    commercial register
    رخصة تجارية
    الرخصة التجارية
    رقم الرخصة
    السجل التجاري
    سجل تجاري
    سجله التجاري
""")
TELEPHONE = _said("""
    phone
    phone number
    telephone
    tel
    mobile
    cell
    cellphone
    call
    whatsapp
    sms
    fax
    gsm
    msisdn
    dial
    ring
    text
    contact
    contact number
    reach
    جوال
    الجوال
    جواله
    جوالها
    هاتف
    الهاتف
    هاتفه
    تلفون
    موبايل
    الموبايل
    محمول
    المحمول
    نقال
    النقال
    اتصل
    الاتصال
    واتساب
    واتس
    فاكس
    للتواصل
    التواصل
""")
_THINGS = frozenset(
    fold(word).text
    for word in (
        "order orders po invoice invoices inv bill receipt ref refs reference ticket tickets case tracking "
        "track shipment parcel awb waybill container timestamp time epoch created updated expires exp iat nbf "
        "ts unix date transaction txn trx payment transfer batch lot serial sku item product part asset "
        "barcode ean upc gtin isbn version build commit run job request session trace span event record row "
        "line page count total amount sum price cost balance quantity qty size bytes length offset port pid "
        "seq sequence code voucher coupon contract quote policy claim booking reservation pnr flight meter "
        "vin imei الطلب طلب طلبية الفاتورة فاتورة تذكرة التذكرة البلاغ بلاغ شحنة الشحنة تتبع التتبع مرجع "
        "المرجع المرجعي معاملة المعاملة المبلغ مبلغ الإجمالي إجمالي السعر سعر الكمية كمية حوالة الحوالة عملية "
        "العملية إيصال الإيصال عقد العقد حجز الحجز المنتج منتج الصنف رصيد الرصيد"
    ).split()
)
_NUMBERS = frozenset(fold(word).text for word in "no nr num number id code رقم".split())
_LAST_WORDS = re.compile(r"(?:([^\W\d_]+)[\s_.#-]{1,3})?([^\W\d_]+)[\s:=.#\"'_(-]{0,5}\Z")


def is_thing(before: str) -> bool:
    """Tell whether the last words before a number say that it counts or names a thing, and is nobody's."""
    found = _LAST_WORDS.search(before[-_TWO_WORDS:])
    if found is None:
        return False
    first, last = (found[1] or "").lower(), found[2].lower()
    return last in _THINGS or (last in _NUMBERS and first in _THINGS)


_TWO_WORDS = 40
