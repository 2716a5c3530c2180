"""What each setting means, in Arabic; in English it stands with the setting. One without words fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ARABIC: Mapping[str, str] = MappingProxyType(
    {
        "REMIT_DATABASE_URL": "حيث يُخزَّن كل شيء: sqlite:/// ثم مسار، أو postgresql:// وما يليه.",
        "REMIT_KEY_FILE": "المفتاح الرئيسي للحمولات المختومة؛ وهو افتراضياً remit.key بجانب قاعدة بيانات SQLite.",
        "REMIT_SECRET_FOLDERS": "مجلدات يجوز أن تؤدي إليها مراجع `file:` في مساحة عمل، كقائمة JSON؛ فارغة: أي مجلد.",
        "REMIT_TOOL_COMMANDS": "كيف يجوز أن يبدأ أمر خادم أدوات، كقائمة JSON من قوائم كلمات؛ فارغة: بأي شكل.",
        "REMIT_TOOL_VARIABLES": "المتغيرات التي يجوز إعطاؤها لمثل هذا الأمر حيث ضُبط REMIT_TOOL_COMMANDS، كقائمة JSON.",
        "REMIT_WORKSPACE": "مساحة العمل المقصودة، حيث تضم قاعدة البيانات أكثر من واحدة.",
        "REMIT_MAX_BATCH": "أكثر ما يكون من أوامر في معاملة واحدة؛ وبه يُحَد انتظار التجميد.",
        "REMIT_MAX_WAITING": "أكثر ما ينتظر الكاتب من أوامر؛ وما زاد يُرَد.",
        "REMIT_SECOND_OPINION_EVERY": "من كم قراراً يعاد اتخاذ واحد بتطبيق Cedar الرسمي؛ 0: لا شيء.",
        "REMIT_MAX_PAYLOAD_BYTES": "أكبر وسائط لإجراء واحد، وأكبر نتيجة تُحفظ.",
        "REMIT_MAX_PAYLOAD_DEPTH": "أعمق تداخل للوسائط.",
        "REMIT_URL": "الخادم الذي يخاطبه الوكلاء، بصيغة https://HOST؛ وإن لم يُضبط فتحوا قاعدة البيانات.",
        "REMIT_API_KEY": "مفتاح الوكيل لدى الخادم.",
        "REMIT_TOKEN": "رمز شخص: به وبـ REMIT_URL يسأل سطر الأوامر ذلك الخادم.",
        "REMIT_CONTEXT": "السياق المسمى الذي يعمل فيه سطر الأوامر؛ انظر `remit context`.",
        "REMIT_HTTP_TIMEOUT_S": "كم ينتظر الوكيل حتى يقبل الخادم طلباً أو يجيب.",
        "REMIT_HTTP_TRIES": "كم مرة يرسل الوكيل الطلب نفسه بالمفتاح نفسه.",
        "REMIT_UNREACHABLE": "ما يفعله الوكيل ما دام خادمه لا يجيب: لا شيء، أو القراءة فقط.",
        "REMIT_LISTEN": "هل يسمع الوكيل من الخادم بما يوقف عملياته الجارية.",
        "REMIT_UNENCRYPTED": "هل يجوز أن تعبر المفاتيح شبكة بلا تشفير: http:// إلى أجهزة أخرى، و--host عليها.",
        "REMIT_ACTION_LEASE_S": "كم تُنتظر نتيجة إجراء عبر HTTP.",
        "REMIT_RUN_LEASE_S": "كم يبقى تشغيل عبر HTTP مفتوحاً بلا علامة من وكيله.",
        "REMIT_CONVERSATION_PAUSE_S": "بعد أي توقف يبدأ وكيل لدى بوابة لا يسمي تشغيلاً تشغيلاً آخر.",
        "REMIT_MCP_HOSTS": (
            "المضيفون الذين يجوز لعملاء MCP والصفحات تسمية هذا الخادم بهم، كقائمة JSON، إلى جانب مضيف"
            " REMIT_PUBLIC_URL وأسماء هذا الجهاز."
        ),
        "REMIT_MODEL_BODY_BYTES": "أكبر طلب إلى بوابة النماذج.",
        "REMIT_MODEL_CALLS": "أكثر ما يكون مفتوحاً من استدعاءات النماذج في وقت واحد.",
        "REMIT_WORKER": "هل ينفذ `remit serve` على SQLite مسارات العمل بنفسه؛ وعلى PostgreSQL ينفذها العاملون.",
        "REMIT_WORKER_SEGMENTS": "أكثر ما ينفذه عامل واحد من مقاطع مسارات العمل في وقت واحد.",
        "REMIT_WORKER_LEASE_S": "كم يُنتظر عامل انقطع خبره قبل أن يتولى غيره العمل.",
        "REMIT_WORKSPACE_SEGMENTS": "أكثر ما ينفذه جميع العاملين من مقاطع مساحة عمل واحدة في وقت واحد.",
        "REMIT_WORKSPACE_SEGMENT_RATE": "أكثر ما يبدأ من مقاطع مساحة عمل واحدة في الثانية؛ 0: أي عدد.",
        "REMIT_WORKFLOW_STEPS": "أكثر ما يُنفذ من خطوات تشغيل واحد لمسار عمل في وقت واحد.",
        "REMIT_ABSENT_AFTER_S": "كم يُنتظر قبل تصديق أداة تقول إن استدعاء لم يحدث.",
        "REMIT_MCP_SESSIONS": "أكثر ما يكون من جلسات عملاء MCP التي تبدأ بمصافحة.",
        "REMIT_MCP_SESSIONS_EACH": "أكثر ما يكون من تلك الجلسات لوكيل واحد.",
        "REMIT_MCP_SESSION_IDLE_S": "بعد أي صمت تنتهي جلسة عميل MCP.",
        "REMIT_MCP_STREAMS": "أكثر ما يبقيه عملاء MCP مفتوحاً من تدفقات.",
        "REMIT_MCP_STREAMS_EACH": "أكثر ما يكون من تلك التدفقات لوكيل واحد.",
        "REMIT_MCP_QUESTIONS": "أكثر ما ينتظر عميل MCP واحداً من أسئلة خوادم الأدوات.",
        "REMIT_MCP_QUESTION_S": "كم يجوز أن يستغرق عميل MCP للإجابة عما يسأله خادم أدوات.",
        "REMIT_MCP_TASKS": "أكثر ما يُحفظ من مهام MCP.",
        "REMIT_MCP_TASKS_EACH": "أكثر ما يكون من تلك المهام لوكيل واحد.",
        "REMIT_MCP_TASK_S": "كم تُحفظ مهمة MCP بعد آخر اطلاع عليها.",
        "REMIT_USER": "من أنت في سطر الأوامر، بصيغة `user:name`؛ وهو افتراضياً اسم الدخول.",
        "REMIT_SESSION_IDLE_S": "كم يبقى الشخص مسجلاً دخوله من دون أن يفعل شيئاً.",
        "REMIT_SESSION_MAX_S": "كم يبقى الشخص مسجلاً دخوله على الأكثر.",
        "REMIT_RUN_TOKEN_S": "كم يدوم رمز التشغيل.",
        "REMIT_OTEL_ENDPOINT": "جامع OTLP تُرسل إليه آثارنا عبر HTTP؛ فارغ: لا تُصنع آثار.",
        "REMIT_OTEL_RATIO": "أي نصيب من الآثار التي تبدأ هنا يُرسل.",
        "REMIT_PUBLIC_URL": "حيث تصل المتصفحات إلى الخادم.",
        "REMIT_NOTIFY_TRIES": "كم مرة يُحاول إرسال رسالة إلى موافق.",
        "REMIT_NOTIFY_BEFORE_EXPIRY_S": "قبل كم من انتهاء موافقة يُنبَّه الناس مرة أخرى؛ 0: لا يُنبَّهون.",
        "REMIT_OIDC_ISSUER": "مُصدر موفر OpenID Connect؛ فارغ: لا موفر.",
        "REMIT_OIDC_CLIENT_ID": "هوية Remit لدى موفر الهوية.",
        "REMIT_OIDC_CLIENT_SECRET": "سره هناك، إن كان له سر.",
        "REMIT_OIDC_CLIENTS": "عملاء آخرون للموفر يجوز للوكلاء إظهار رموز هويتهم، كقائمة JSON.",
        "REMIT_OIDC_PERSON_CLAIM": "أي مطالبة تسمي شخصاً جديداً.",
        "REMIT_OIDC_GROUPS_CLAIM": "أي مطالبة تسرد مجموعات الشخص.",
        "REMIT_OIDC_ROLES": "أي أدوار تجلبها كل مجموعة، ككائن JSON.",
    }
)
