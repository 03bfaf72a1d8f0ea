# SPDX-License-Identifier: MIT
# One static library per directory, with the same flags everywhere.

add_library(ix_flags INTERFACE)
target_include_directories(ix_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(ix_flags INTERFACE _GNU_SOURCE
  _FILE_OFFSET_BITS=64 IX_VERSION="${PROJECT_VERSION}")
# -ffp-contract=off: a score must not depend on whether the machine has FMA.
target_compile_options(ix_flags INTERFACE
  -ffp-contract=off -fno-common -fno-strict-aliasing -fvisibility=hidden
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wvla
  -Wformat=2 -Wcast-align -Wconversion -Wno-sign-conversion)
if(IX_WERROR)
  target_compile_options(ix_flags INTERFACE -Werror)
endif()
if(IX_SANITIZE)
  target_compile_options(ix_flags INTERFACE -fsanitize=${IX_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ix_flags INTERFACE -fsanitize=${IX_SANITIZE})
endif()

# ix_library(NAME DEPENDENCY...): every .c file of the calling directory.
function(ix_library name)
  file(GLOB sources CONFIGURE_DEPENDS *.c)
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC ix_flags ${ARGN})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ix_flags ${ARGN})
  endif()
endfunction()
