import { fillCases } from './fill.cases';
import { describeCases } from './testing';

describeCases('fill', fillCases);
