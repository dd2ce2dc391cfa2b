"""What a build adds to the functions: compiled and packed modules, checked packages, bills of materials."""
