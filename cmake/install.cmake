# cmake --install: the program, the libraries, the headers under include/vitro/ROOM, and a package
# with three components, each of which brings those before it along: find_package(vitro COMPONENTS
# engine) gives vitro::engine, explain vitro::explain, train vitro::train. The first two need no other library.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vitro)

function(install_component component)
  install(TARGETS vitro_${component} EXPORT vitro-${component} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  set_target_properties(vitro_${component} PROPERTIES EXPORT_NAME ${component})
  install(EXPORT vitro-${component} NAMESPACE vitro:: DESTINATION ${package_dir})
  foreach(room ${ARGN})
    install(DIRECTORY src/${room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vitro FILES_MATCHING PATTERN "*.h")
  endforeach()
endfunction()

install_component(engine ${engine_rooms})
install_component(explain ${explain_rooms})
if(VITRO_TRAIN)
  install_component(train ${train_rooms})
endif()
if(TARGET vitro)
  install(TARGETS vitro RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_package_config_file(cmake/vitroConfig.cmake.in vitroConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(vitroConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vitroConfig.cmake ${PROJECT_BINARY_DIR}/vitroConfigVersion.cmake
        DESTINATION ${package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
