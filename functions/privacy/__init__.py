"""Privacy: a person's rights over the data held on them: an export of it, and its erasure.

It owns these requests and their workflows, and reads and deletes the data of other domains. It never decides who may
see what.
"""

import kernel  # before any package (kernel.coldstart)
