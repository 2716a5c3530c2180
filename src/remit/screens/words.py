"""Words in English and Arabic that say what the number behind them is. Each pattern ends where the number begins."""

from __future__ import annotations

import re

from remit.screens.folding import fold

_NUMBER = r"(?:no|nr|num|number|id|code|#|رقم)"


def _said(words: str, gap: int = 20) -> re.Pattern[str]:
    """Make a pattern of words, one a line, written as folded text has them; a blank is any blank or a dash."""
    folded = [fold(word).text.strip().replace(" ", r"[\s_-]{0,2}") for word in words.strip().splitlines()]
    return re.compile(rf"(?i)(?<![a-z])(?:{'|'.join(folded)})(?![a-z])[^0-9\n]{{0,{gap}}}\Z")


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
THINGS = re.compile(
    r"(?i)(?<![a-z])(?:"
    + "|".join(
        fold(word).text
        for word in (
            "orders? po invoices? inv bill receipt ref refs reference ticket tickets case tracking track "
            "shipment parcel awb waybill container timestamp time epoch created updated expires exp iat nbf "
            "ts unix date transaction txn trx payment transfer batch lot serial sku item product part asset "
            "barcode ean upc gtin isbn version build commit run job request session trace span event record "
            "row line page count total amount sum price cost balance quantity qty size bytes length offset "
            "port pid seq sequence code voucher coupon contract quote policy claim booking reservation pnr "
            "flight meter vin imei الطلب طلب طلبية الفاتورة فاتورة تذكرة التذكرة البلاغ بلاغ شحنة الشحنة "
            "تتبع التتبع مرجع المرجع المرجعي معاملة المعاملة المبلغ مبلغ الإجمالي إجمالي السعر سعر الكمية "
            "كمية حوالة الحوالة عملية العملية إيصال الإيصال عقد العقد حجز الحجز المنتج منتج الصنف رصيد "
            "الرصيد"
        ).split()
    )
    + rf")(?:[\s_-]{{0,2}}{_NUMBER})?[\s:=.#\"'_(-]{{0,5}}\Z"
)
"""What is numbered and is nobody: after these words a number that could be somebody's is not taken for it."""
