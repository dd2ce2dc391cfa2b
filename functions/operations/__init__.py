"""Operations: health checks, the API document, the canary, keyring rotation, and the sweep of overdue follow-up work.

It owns no data. Each kind of follow-up work is defined by its own domain.
"""

import kernel  # before any package (kernel.coldstart)
