"""The former name of `paging`, for lists that do not use `Paginator` yet."""

from kernel.paging import Page as Page
from kernel.paging import fitting as fitting
from kernel.paging import seal as seal
from kernel.paging import unseal as unseal
