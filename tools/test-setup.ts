// Nest's decorators write metadata when a class is loaded, so the store has to exist before any test file is read.
import 'reflect-metadata';
